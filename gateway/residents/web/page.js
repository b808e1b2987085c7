// One small script, in the JavaScript of 2015: telephones in a hall are old. Its words stand in the page, in the page's language.
(function () {
  const main = document.querySelector('main')
  const longestSide = 1600
  const longestPhoto = 1300000
  const waitMs = 60000

  /** 16 hex digits; the same until it has arrived, so that what is sent twice counts once. */
  function newId() {
    return Array.prototype.map.call(crypto.getRandomValues(new Uint8Array(8)), function (byte) { return ('0' + byte.toString(16)).slice(-2) }).join('')
  }

  /** Scaled, and encoded anew: where it was taken is gone before it leaves the telephone. Base64, or null. */
  function photoOf(file, done) {
    const address = URL.createObjectURL(file)
    const image = new Image()
    image.addEventListener('error', function () { URL.revokeObjectURL(address); done(null) })
    image.addEventListener('load', function () {
      const scale = Math.min(1, longestSide / Math.max(image.naturalWidth, image.naturalHeight))
      const canvas = document.createElement('canvas')
      canvas.width = Math.max(1, Math.round(image.naturalWidth * scale))
      canvas.height = Math.max(1, Math.round(image.naturalHeight * scale))
      canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height)
      URL.revokeObjectURL(address)
      let text = ''
      for (let quality = 0.8; quality > 0.3; quality -= 0.2) {
        text = canvas.toDataURL('image/jpeg', quality).split(',')[1] || ''
        if (text.length <= longestPhoto) break
      }
      done(text.length > 0 && text.length <= longestPhoto ? text : null)
    })
    image.src = address
  }

  function send(form, order, finished) {
    const request = new XMLHttpRequest()
    request.open('POST', location.pathname.replace(/\/$/, '') + '/' + form.getAttribute('data-to'))
    request.setRequestHeader('content-type', 'application/json')
    request.timeout = waitMs
    request.addEventListener('load', function () {
      const code = /"code":"([A-Z_]+)"/.exec(request.responseText)
      finished(request.status, code ? code[1] : '')
    })
    const lost = function () { finished(0, '') }
    request.addEventListener('error', lost)
    request.addEventListener('timeout', lost)
    request.addEventListener('abort', lost)
    request.send(JSON.stringify(order))
  }

  function wordFor(status, code) {
    if (status === 429) return 'slow'
    if (code === 'PHOTO_INVALID' || code === 'PHOTO_TOO_LARGE' || code === 'PHOTO_STORE') return 'nophoto'
    if (status === 404) return 'gone'
    return status === 503 ? 'busy' : 'failed'
  }

  function thank() {
    document.getElementById('forms').hidden = true
    const thanks = document.getElementById('thanks')
    thanks.hidden = false
    thanks.focus()
  }

  function chosen(form, name) {
    const found = form.querySelector('input[name="' + name + '"]:checked')
    return found ? found.value : ''
  }

  Array.prototype.forEach.call(document.querySelectorAll('form'), function (form) {
    const word = form.querySelector('.word')
    const button = form.querySelector('button')
    const id = newId()
    const say = function (key) { word.textContent = key ? main.getAttribute('data-' + key) : '' }
    const finished = function (status, code) {
      button.disabled = false
      if (status === 200) thank(); else say(wordFor(status, code))
    }
    const input = form.querySelector('input[type="file"]')
    const label = input && input.parentNode.querySelector('span')
    const words = label && label.textContent
    form.addEventListener('change', function () {
      if (input) {
        const taken = input.files.length > 0
        label.textContent = taken ? label.getAttribute('data-taken') : words
        input.parentNode.className = taken ? 'file chosen' : 'file'
      }
      Array.prototype.forEach.call(form.querySelectorAll('input[type="radio"]'), function (radio) { radio.parentNode.className = radio.checked ? 'chosen' : '' })
    })
    form.addEventListener('submit', function (event) {
      event.preventDefault()
      const order = { id: id }
      const isRating = form.getAttribute('data-to') === 'rating'
      const choice = chosen(form, isRating ? 'score' : 'category')
      if (choice === '') return say('choose')
      if (isRating) order.score = Number(choice); else order.category = choice
      if (isRating && chosen(form, 'repair')) order.repair = chosen(form, 'repair')
      const text = form.querySelector('textarea').value
      if (text.trim()) order.text = text
      button.disabled = true
      say('sending')
      const file = input && input.files[0]
      if (!file) return send(form, order, finished)
      photoOf(file, function (photo) {
        if (photo === null) { button.disabled = false; say('nophoto'); return }
        order.photo = photo
        send(form, order, finished)
      })
    })
  })
})()
