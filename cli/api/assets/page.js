'use strict';
// The page of `headscope serve`: asks only the server it came from.

const $ = (id) => document.getElementById(id);
const state = {
  model: null,
  off: new Set(), // "layer.head"
  look: {layer: 0, head: 0},
  maps: null,
  stop: null, // of the text that is being written
  lookNumber: 0,
};

function say(text, isError) {
  $('state').textContent = text;
  $('state').classList.toggle('error', Boolean(isError));
}

async function ask(path, body, signal) {
  const headers = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if ($('token').value) headers.Authorization = 'Bearer ' + $('token').value;
  const answer = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  if (answer.ok) return answer;
  if (answer.status === 401) $('token-box').hidden = false;
  let message = answer.status + ' ' + answer.statusText;
  try {
    message = (await answer.json()).error.message;
  } catch (notJson) { /* the status says it */ }
  throw new Error(message);
}

// ---- heads ------------------------------------------------------------------------------------

function interventions() {
  const layers = new Map();
  for (const key of state.off) {
    const [layer, head] = key.split('.').map(Number);
    layers.set(layer, [...(layers.get(layer) || []), head]);
  }
  const factor = Number($('factor').value);
  return {
    version: 1,
    interventions: [...layers.keys()].sort((a, b) => a - b).map((layer) => ({
      site: `blocks.${layer}.attn.hook_z`,
      heads: layers.get(layer).sort((a, b) => a - b),
      op: 'scale',
      factor,
    })),
  };
}

function showHeads() {
  for (const button of $('grid').children) {
    if (button.dataset.key === undefined) continue;
    const off = state.off.has(button.dataset.key);
    button.classList.toggle('off', off);
    button.setAttribute('aria-pressed', String(off));
    button.classList.toggle('look', button.dataset.key === `${state.look.layer}.${state.look.head}`);
  }
  $('count').textContent = state.off.size ? `${state.off.size} changed` : '';
  $('json').textContent = JSON.stringify(interventions(), null, 1);
  $('map-title').textContent =
    `Attention of layer ${state.look.layer}, head ${state.look.head}, in the prompt`;
}

function headsChanged() {
  showHeads();
  look();
}

function pressHead(layer, head) {
  if (document.querySelector('input[name=mode]:checked').value === 'look') {
    state.look = {layer, head};
  } else {
    const key = `${layer}.${head}`;
    state.off.has(key) ? state.off.delete(key) : state.off.add(key);
  }
  headsChanged();
}

function pressLayer(layer) {
  const keys = [...Array(state.model.n_heads).keys()].map((head) => `${layer}.${head}`);
  const all = keys.every((key) => state.off.has(key));
  for (const key of keys) all ? state.off.delete(key) : state.off.add(key);
  headsChanged();
}

function makeGrid() {
  const grid = $('grid');
  grid.style.gridTemplateColumns = `auto repeat(${state.model.n_heads}, auto)`;
  for (let head = -1; head < state.model.n_heads; head++) {
    const number = document.createElement('span');
    number.className = 'number';
    number.textContent = head < 0 ? '' : head;
    grid.append(number);
  }
  for (let layer = 0; layer < state.model.n_layers; layer++) {
    const label = document.createElement('button');
    label.type = 'button';
    label.className = 'label';
    label.textContent = layer;
    label.title = `all heads of layer ${layer}`;
    label.addEventListener('click', () => pressLayer(layer));
    grid.append(label);
    for (let head = 0; head < state.model.n_heads; head++) {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.key = `${layer}.${head}`;
      button.title = `layer ${layer}, head ${head}`;
      button.setAttribute('aria-label', button.title);
      button.addEventListener('click', () => pressHead(layer, head));
      grid.append(button);
    }
  }
}

// ---- texts ------------------------------------------------------------------------------------

// What is the same in both texts is plain, what differs is marked; while one is ahead of the other, the rest is not known to.
function showTexts(prompt, plain, changed) {
  let same = 0;
  const both = changed === null ? plain.length : Math.min(plain.length, changed.length);
  while (same < both && (changed === null || plain[same] === changed[same])) same++;
  if (same === both) same = Infinity;
  const fill = (id, text) => {
    const part = (kind, words) => {
      const span = document.createElement('span');
      if (kind) span.className = kind;
      span.textContent = words;
      return span;
    };
    $(id).replaceChildren(part('prompt', prompt), part('', text.slice(0, same)),
                          part('differs', text.slice(same)));
  };
  fill('plain', plain);
  if (changed === null) {
    $('changed').textContent = '';
  } else {
    fill('changed', changed);
  }
}

// Why a text ended, beside its name.
const kEnds = {stop: 'ended by itself', length: 'cut at its tokens'};
function showEnd(id, choice) {
  if (choice && choice.finish_reason) $(`${id}-end`).textContent = kEnds[choice.finish_reason] || choice.finish_reason;
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const {value, done} = await reader.read();
    if (done) throw new Error('the server ended the text');
    held += value;
    for (let end = held.indexOf('\n\n'); end >= 0; end = held.indexOf('\n\n')) {
      const data = held.slice('data: '.length, end);
      held = held.slice(end + 2);
      if (data === '[DONE]') return;
      yield JSON.parse(data);
    }
  }
}

async function write() {
  const prompt = $('prompt').value;
  const changes = state.off.size > 0;
  const body = {
    prompt,
    max_tokens: Number($('tokens').value),
    temperature: Number($('temperature').value),
    seed: Number($('seed').value),
    stream: true,
  };
  if (changes) Object.assign(body, {interventions: interventions(), return: ['baseline']});
  state.stop = new AbortController();
  $('write').disabled = true;
  $('stop').disabled = false;
  let plain = '';
  let changed = '';
  const start = performance.now();
  let pieces = 0;
  try {
    showTexts(prompt, '', changes ? '' : null);
    for (const id of ['plain', 'changed']) $(`${id}-end`).textContent = '';
    say('writing …');
    for await (const event of events(await ask('/v1/completions', body, state.stop.signal))) {
      if (event.error) throw new Error(event.error.message);
      if (event.choices.length) changed += event.choices[0].text;
      if (event.baseline) plain += event.baseline.text;
      showEnd(changes ? 'changed' : 'plain', event.choices[0]);
      showEnd('plain', event.baseline);
      pieces++;
      changes ? showTexts(prompt, plain, changed) : showTexts(prompt, changed, null);
    }
    document.body.dataset.written = changes ? pieces / 2 - 1 : pieces - 1;
    say(`${(pieces / (performance.now() - start) * 1000).toFixed(1)} tokens/s${changes ? ', both texts' : ''}`);
  } catch (error) {
    say(error.name === 'AbortError' ? 'stopped' : error.message, error.name !== 'AbortError');
  }
  $('write').disabled = false;
  $('stop').disabled = true;
  state.stop = null;
}

// ---- attention --------------------------------------------------------------------------------

const kMostTokens = 128; // of a map that is drawn
const kLabelledTokens = 32;
const kLabelWidth = 64;
const kMapGap = 16; // between maps, as the style has it

// The name of each query at the left of its row.
function drawLabels(context, pieces, square) {
  context.fillStyle = getComputedStyle(document.body).color;
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  pieces.forEach((piece, query) => {
    const word = piece.trim().slice(0, 10) || JSON.stringify(piece);
    context.fillText(word, kLabelWidth - 4, (query + 0.5) * square, kLabelWidth - 6);
  });
}

// The side of a map's squares: three maps lie beside each other where there is room for that.
function squareOf(size, left) {
  const all = document.querySelector('.maps').clientWidth;
  const own = all < 640 ? all : (all - 2 * kMapGap) / 3;
  return Math.max(2, Math.min(24, Math.floor((own - left - 2) / size)));
}

function drawMap(canvas, map, color, pieces) {
  const size = map.length;
  const left = size <= kLabelledTokens ? kLabelWidth : 0;
  const square = squareOf(size, left);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = (left + size * square) * ratio;
  canvas.height = size * square * ratio;
  canvas.style.width = `${left + size * square}px`;
  canvas.style.height = `${size * square}px`;
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  if (left) drawLabels(context, pieces, square);
  for (let query = 0; query < size; query++) {
    for (let key = 0; key <= query; key++) {
      context.fillStyle = color(map[query][key]);
      context.fillRect(left + key * square, query * square, square, square);
    }
  }
  canvas.onmousemove = (event) => {
    const key = Math.floor((event.offsetX - left) / square);
    const query = Math.floor(event.offsetY / square);
    if (query < size && key >= 0 && key <= query) showCell(query, key);
  };
}

function showCell(query, key) {
  const {pieces, plain, changed} = state.maps;
  const word = (i) => JSON.stringify(pieces[i]);
  const difference = changed ? ` → ${changed[query][key].toFixed(3)} with changed heads` : '';
  $('cell').textContent =
    `${word(query)} (${query}) looks at ${word(key)} (${key}): ${plain[query][key].toFixed(3)}${difference}`;
}

// By the square root, so that what a head looks at beside the first token is seen.
const shade = (value) => `rgba(31, 111, 200, ${Math.sqrt(Math.min(1, value))})`;
const shadeChange = (value) =>
  value < 0 ? `rgba(200, 64, 31, ${Math.min(1, -value)})` : `rgba(31, 111, 200, ${Math.min(1, value)})`;

async function attentionOf(prompt, changes) {
  const body = {prompt, layers: [state.look.layer], heads: [state.look.head]};
  if (changes) body.interventions = interventions();
  const json = await (await ask('/v1/attention', body)).json();
  return {pieces: json.pieces, map: json.layers[state.look.layer].data[0]};
}

function drawMaps() {
  if (!state.maps) return;
  const {pieces, plain, changed} = state.maps;
  const other = changed || plain;
  const change = other.map((row, q) => row.map((value, k) => value - plain[q][k]));
  const most = Math.max(1e-3, ...change.map((row) => Math.max(...row.map(Math.abs))));
  drawMap($('map-plain'), plain, shade, pieces);
  drawMap($('map-changed'), other, shade, pieces);
  drawMap($('map-change'), change, (value) => shadeChange(value / most), pieces);
  $('change-title').textContent = changeTitle(Math.max(...change.map((row) => Math.max(...row.map(Math.abs)))));
}

// Heads act on the layers behind their own alone.
function changeTitle(most) {
  const layers = [...state.off].map((key) => Number(key.split('.')[0]));
  if (layers.length === 0) return 'change: no head is changed';
  if (Math.min(...layers) >= state.look.layer) {
    return `change: none, layer ${state.look.layer} comes before what is changed; look at a later one`;
  }
  return `change: blue more, red less, full at ${Math.max(1e-3, most).toFixed(3)}`;
}

async function look() {
  const number = ++state.lookNumber;
  $('maps').classList.add('old');
  const prompt = $('prompt').value;
  try {
    const plain = await attentionOf(prompt, false);
    const changed = state.off.size ? await attentionOf(prompt, true) : null;
    if (number !== state.lookNumber) return; // asked again meanwhile
    if (plain.map.length > kMostTokens) throw new Error(`maps are drawn of up to ${kMostTokens} tokens`);
    state.maps = {pieces: plain.pieces, plain: plain.map, changed: changed && changed.map};
    drawMaps();
    $('maps').classList.remove('old');
    document.body.dataset.map = plain.map.length;
  } catch (error) {
    if (number === state.lookNumber) say(error.message, true);
  }
}

// ---- start ------------------------------------------------------------------------------------

async function start() {
  try {
    state.model = (await (await ask('/v1/models')).json()).data[0];
  } catch (error) {
    say(error.message, true);
    return;
  }
  say('');
  $('model').textContent =
    `${state.model.id}: ${state.model.n_layers} layers × ${state.model.n_heads} heads`;
  if (!$('grid').children.length) makeGrid();
  const opened = fromAddress();
  headsChanged();
  if (opened) write();
}

// What the address asks for: #prompt=…&heads=9.6,9.9&look=9.6&scale=0&tokens=20&write. True: write at once.
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const isHead = (key) => {
    const [layer, head] = key.split('.').map(Number);
    return layer < state.model.n_layers && head < state.model.n_heads;
  };
  for (const [name, id] of [['prompt', 'prompt'], ['tokens', 'tokens'], ['scale', 'factor']]) {
    if (asked.has(name)) $(id).value = asked.get(name);
  }
  state.off = new Set((asked.get('heads') || '').split(',').filter((key) => key && isHead(key)));
  if (asked.has('look') && isHead(asked.get('look'))) {
    const [layer, head] = asked.get('look').split('.').map(Number);
    state.look = {layer, head};
  }
  return asked.has('write');
}

let typing = 0;
$('prompt').addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(look, 400);
});
$('write').addEventListener('click', write);
$('prompt').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.ctrlKey && !$('write').disabled) write();
});
$('stop').addEventListener('click', () => state.stop && state.stop.abort());
$('factor').addEventListener('change', headsChanged);
$('token').addEventListener('change', start);
$('clear').addEventListener('click', () => {
  state.off.clear();
  headsChanged();
});
window.addEventListener('resize', drawMaps);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawMaps);
start();
