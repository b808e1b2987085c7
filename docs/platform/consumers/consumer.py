#!/usr/bin/env python3
"""A reference consumer of one city. Debian: apt install python3-paho-mqtt python3-zstandard (paho 1.6 and 2.x both do).

  python3 consumer.py --broker 127.0.0.1:1883 --store events.log [--ack] [--prefix linli/v1] [--client-id platform] [--ca ca.pem]

What arrives is on disk before the broker gets its PUBACK; SIGTERM prints what was received and what is missing. User and password come
from MQTT_USERNAME and MQTT_PASSWORD. The store is a text file, one "topic message" a line: put your database there.
"""
import argparse, bisect, hashlib, json, os, re, signal, sys
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
try:
    import zstandard
except ImportError:  # only an uplink with `encoding: zstd` needs it
    zstandard = None

parser = argparse.ArgumentParser()
for name, default in dict(broker="127.0.0.1:1883", store="events.log", prefix="linli/v1", client_id="platform", ca="").items():
    parser.add_argument("--" + name.replace("_", "-"), default=default)
parser.add_argument("--ack", action="store_true")
options = parser.parse_args()

report = dict(records=0, readings=0, duplicates=0, invalid=0, gaps=0, types={}, holes=[], breaks=[], state={})
runs = {}    # (source, stream, epoch) -> [[from, to, prevhash of the first, hash of the last], ...], records without a hole between them
gaps = {}    # the same key -> [data of a declared gap, ...]
ends = {}    # the same key -> {seq, hash}: how the next epoch says it ended
first = {}   # source -> the first epoch we saw
states = {}  # base topic -> what is true now, as of its heads: a record at or below its stream's head is history


def state_of(base):
    return states.setdefault(base, dict(status={}, heads={}, values={}, alerts={}, parts={}))


def insert(key, name, seq, prev, sha):
    """False for one that was here before: (source, id) names a record for ever."""
    chain = runs.setdefault(key, [])
    at = bisect.bisect_right(chain, [seq, float("inf")])
    before, after = (chain[at - 1] if at else None), (chain[at] if at < len(chain) else None)
    if before and seq <= before[1]:
        return False
    left, right = bool(before) and before[1] == seq - 1, bool(after) and after[0] == seq + 1
    if (left and before[3] != prev) or (right and after[2] != sha):
        report["breaks"].append(name)
    chain[at - left:at + right] = [[before[0] if left else seq, after[1] if right else seq, before[2] if left else prev, after[3] if right else sha]]
    return True


def walk(key):
    """(holes, breaks, solid): what is missing and not declared, and up to where nothing is. A gap must join the hashes on both sides."""
    chain, end, holes, breaks, sha = list(runs.get(key, [])), ends.get(key), [], [], ""
    # A consumer that came in the middle of an epoch cannot ask for what was before.
    reached = (chain[0][0] - 1 if chain else end["seq"] if end else 0) if first[key[0]] >= key[2] else 0
    if end:
        chain.append([end["seq"] + 1, end["seq"], end["hash"], end["hash"]])
    for start, to, prev, last in chain:
        for gap in sorted(gaps.get(key, []), key=lambda gap: (gap["from"], -gap["to"])):
            if gap["to"] <= reached or gap["from"] >= start:
                continue
            if gap["from"] > reached + 1:
                holes.append((reached + 1, gap["from"] - 1))
            elif sha and gap["hashBefore"] and gap["from"] == reached + 1 and gap["hashBefore"] != sha:
                breaks.append("%s %s %s " % key + str(gap["from"]))
            reached, sha = gap["to"], gap["hashAfter"]
        if start > reached + 1:
            holes.append((reached + 1, start - 1))
            sha = ""
        if sha and prev and start == reached + 1 and sha != prev:
            breaks.append("%s %s %s " % key + str(start))
        reached, sha = max(reached, to), last
    return holes, breaks, holes[0][0] - 1 if holes else reached


def apply(base, event, stream):
    """The platform's own state: here the latest value of each point and the open alerts."""
    state, place = state_of(base), [event["epoch"], event["seq"]]
    if place <= state["heads"].get(stream, ["", 0]):
        return
    state["heads"][stream] = place
    state["values"].update((one["point"], one["value"]) for one in event["data"].get("readings", []))
    if event["type"] == "org.linli.alert.v1":
        state["alerts"].pop(event["data"]["id"], None)
        if event["data"].get("phase") != "closed":
            state["alerts"][event["data"]["id"]] = event["data"]["title"]


def snapshot(base, part):
    """Replaces the current state once all its parts are here, unless we already know of later records."""
    state, heads = state_of(base), {stream: [head["epoch"], head["seq"]] for stream, head in part["heads"].items()}
    parts = state["parts"] = {number: one for number, one in state["parts"].items() if one["at"] == part["at"]}
    parts[part["part"]] = part
    if len(parts) < part["parts"] or any(head > heads.get(stream, head) for stream, head in state["heads"].items()):
        return
    values = {one["point"]: one["value"] for some in parts.values() for one in some["values"]}
    alerts = {one["id"]: one["title"] for some in parts.values() for one in some["alerts"]}
    states[base] = dict(status=state["status"], heads={**state["heads"], **heads}, values=values, alerts=alerts, parts={})


def accept(topic, payload):
    """Live and at the start, from the store. Returns the line to keep, None for a repeat or rubbish, and the chains that may be acknowledged."""
    try:
        plain = zstandard.ZstdDecompressor().decompressobj().decompress(payload) if payload[:1] == b"\x28" else payload
        event, base, line = json.loads(plain), re.sub(r"/(up/[^/]+|snapshot|status)$", "", topic), topic.encode() + b" " + plain + b"\n"
        if topic.endswith("/status"):
            state_of(base)["status"] = event
            return line, []
        if topic.endswith("/snapshot"):
            snapshot(base, event)
            return line, []
        _, stream, epoch, seq = event["id"].split("/")
        if event["specversion"] != "1.0" or event["epoch"] != epoch or str(event["seq"]) != seq:
            raise ValueError("not a record: " + event["id"])
        status = state_of(base)["status"]  # the gateway's word on who it is at this broker, and what it sends here
        source, kind, data, key = event["source"], event["type"], event["data"], (event["source"], stream, epoch)
        first[source] = min(first.get(source, epoch), epoch)
        if not insert(key, event["id"], event["seq"], event.get("prevhash", ""), hashlib.sha256(plain).hexdigest()):
            report["duplicates"] += 1
            return None, [key]
        report["records"] += 1
        report["types"][kind] = report["types"].get(kind, 0) + 1
        report["readings"] += len(data.get("readings", []))
        apply(base, event, stream)
        if kind == "org.linli.epoch.v1":
            ends.update({(source, name, data["closes"]): end for name, end in data["streams"].items() if name in status.get("streams", [name])})
        if kind != "org.linli.gap.v1" or status.get("uplink") not in [None, *data.get("uplinks", [status.get("uplink")])]:
            return line, [key]
        report["gaps"] += data["to"] - data["from"] + 1
        gaps.setdefault((source, data["stream"], data["epoch"]), []).append(data)
        return line, [key, (source, data["stream"], data["epoch"])]
    except Exception as error:  # whatever a stranger sends, the next message is read
        report["invalid"] += 1
        print("%s: %r" % (topic, error), file=sys.stderr)
        return None, []


def on_message(client, userdata, message):
    line, touched = accept(message.topic, message.payload)
    if line:  # paho sends the PUBACK after this handler, so what is acknowledged is on disk. At a high rate sync once for many.
        os.write(store, line)
        os.fsync(store)
    for key in touched if options.ack else []:
        solid = walk(key)[2]
        if solid > 0:
            client.publish(re.sub(r"/up/.*", "/ack", message.topic), json.dumps(dict(stream=key[1], epoch=key[2], seq=solid)), qos=1)


def on_connect(client, userdata, flags, reason, properties=None):
    if reason == 0:
        client.subscribe([(options.prefix + "/+/+/" + topic, 1) for topic in ("status", "snapshot", "up/#")])
    else:
        print(reason, file=sys.stderr, flush=True)


def on_subscribe(client, userdata, mid, reasons, properties=None):
    print("ready" if all(reason.value < 0x80 for reason in reasons) else "the broker refuses the subscription", file=sys.stderr, flush=True)


def finish(*_):
    for key in set(runs) | set(ends) | set(gaps):
        holes, breaks, _ = walk(key)
        report["holes"] += ["%s %s %s %d-%d" % (*key, *hole) for hole in holes]
        report["breaks"] += breaks
    report["state"] = {base: dict(values=state["values"], alerts=state["alerts"]) for base, state in states.items()}
    print(json.dumps(report), flush=True)
    os._exit(1 if report["holes"] or report["breaks"] else 0)


whole = 0
if os.path.exists(options.store):
    with open(options.store, "rb") as stored:
        for line in stored:
            if line.endswith(b"\n"):
                accept(line[:line.index(b" ")].decode(), line[line.index(b" ") + 1:-1])
                whole += len(line)
    os.truncate(options.store, whole)
store = os.open(options.store, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
settings = dict(client_id=options.client_id, protocol=mqtt.MQTTv5)
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, **settings) if hasattr(mqtt, "CallbackAPIVersion") else mqtt.Client(**settings)
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
if os.environ.get("MQTT_USERNAME"):
    client.username_pw_set(os.environ["MQTT_USERNAME"], os.environ.get("MQTT_PASSWORD"))
if options.ca:
    client.tls_set(options.ca)
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 7 * 86400
signal.signal(signal.SIGTERM, finish)
host, _, port = options.broker.partition(":")
client.reconnect_delay_set(1, 30)
client.connect_async(host, int(port or 1883), clean_start=False, properties=session)
client.loop_forever(retry_first_connection=True)
