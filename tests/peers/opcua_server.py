"""An OPC UA server of another code base (asyncua), commanded by JSON lines on stdin; answers one line each. See opcua.ts for the words."""
import asyncio
import json
import logging
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from asyncua import Server, ua
from asyncua.crypto.cert_gen import setup_self_signed_certificate
from asyncua.server.internal_session import InternalSession
from asyncua.server.user_managers import UserManager
from asyncua.crypto.permission_rules import User, UserRole
from cryptography.x509.oid import ExtendedKeyUsageOID

NAMESPACE = "urn:linli:peer"
logging.disable(logging.CRITICAL)
options = json.loads(sys.argv[1])


class Users(UserManager):
    def get_user(self, iserver, username=None, password=None, certificate=None):
        if username is None or (username == "linli" and password == "right"):
            return User(role=UserRole.Admin)
        return None


async def main():
    server = Server(user_manager=Users())
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options['port']}/peer")
    server.set_security_policy([
        ua.SecurityPolicyType.NoSecurity,
        ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
        ua.SecurityPolicyType.Basic256Sha256_Sign,
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
        ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ])
    folder = Path(options["folder"])
    uri = "urn:linli:peer:server"
    await server.set_application_uri(uri)
    await setup_self_signed_certificate(folder / "key.pem", folder / "cert.der", uri, "127.0.0.1", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH], {"countryName": "CN", "organizationName": "peer"})
    await server.load_certificate(str(folder / "cert.der"))
    await server.load_private_key(str(folder / "key.pem"))
    for index in range(options.get("fillers", 0)):
        await server.register_namespace(f"urn:filler:{index}")
    ns = await server.register_namespace(NAMESPACE)
    nodes = {}

    async def add(name, value, kind, writable=False):
        nodes[name] = await server.nodes.objects.add_variable(ua.NodeId(name, ns), name, ua.Variant(value, kind))
        if writable:
            await nodes[name].set_writable()

    await add("temperature", 21.5, ua.VariantType.Double)
    await add("level", 10.0, ua.VariantType.Double)
    await add("humidity", 40.25, ua.VariantType.Float)
    await add("setpoint", 20.0, ua.VariantType.Float, True)
    await add("relay", True, ua.VariantType.Boolean, True)
    await add("total", 7, ua.VariantType.Int32, True)
    await add("count", -5, ua.VariantType.Int64, True)
    await add("giant", 2 ** 60, ua.VariantType.UInt64)
    await add("label", ua.LocalizedText("大厅", "zh"), ua.VariantType.LocalizedText)
    await add("since", datetime(2026, 1, 5, 8, tzinfo=timezone.utc), ua.VariantType.DateTime)
    await add("phases", [230.0, 231.0, 232.0], ua.VariantType.Double)
    await add("slots", [1, 2, 3], ua.VariantType.Int32, True)
    await add("locked", 1, ua.VariantType.Int32)
    await add("stubborn", 1, ua.VariantType.Int32, True)

    opened = [0]
    living = set()
    refuse = [False]
    create, close, subscribe = server.iserver.create_session, InternalSession.close_session, InternalSession.create_subscription

    def counted(*args, **keywords):
        session = create(*args, **keywords)
        if keywords.get("external") or (len(args) > 2 and args[2]):
            opened[0] += 1
            living.add(session)
        return session

    async def closed(self, *args, **keywords):
        living.discard(self)
        return await close(self, *args, **keywords)

    async def subscribed(self, *args, **keywords):
        if refuse[0]:
            raise ua.uaerrors.BadTooManySubscriptions()
        return await subscribe(self, *args, **keywords)

    write = InternalSession.write

    async def written(self, params, *args, **keywords):
        results = await write(self, params, *args, **keywords)
        if self.external:
            # A program behind the server that puts its own value back.
            await server.write_attribute_value(nodes["stubborn"].nodeid, ua.DataValue(ua.Variant(1, ua.VariantType.Int32)))
        return results

    InternalSession.write = written
    server.iserver.create_session = counted
    InternalSession.close_session = closed
    InternalSession.create_subscription = subscribed

    async def put(name, value, status="Good", ago=None):
        node = nodes[name]
        kind = (await node.read_data_type_as_variant_type())
        stamp = None if ago is None else datetime.now(timezone.utc) - timedelta(milliseconds=ago)
        variant = None if value is None else ua.Variant(value, kind)
        await server.write_attribute_value(node.nodeid, ua.DataValue(variant, ua.StatusCode(getattr(ua.StatusCodes, status)), stamp))

    async with server:
        print(json.dumps({"ready": True}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            ask = json.loads(line)
            answer = {}
            if ask["do"] == "set":
                await put(ask["node"], ask["value"], ask.get("status", "Good"), ask.get("ago"))
            elif ask["do"] == "get":
                answer["value"] = await nodes[ask["node"]].read_value()
            elif ask["do"] == "sessions":
                answer = {"opened": opened[0], "living": len(living)}
            elif ask["do"] == "refuse":
                refuse[0] = ask["on"]
            elif ask["do"] == "add":
                await add(ask["node"], ask["value"], ua.VariantType.Double)
            print(json.dumps(answer), flush=True)


asyncio.run(main())
