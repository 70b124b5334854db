# Greedy generation, timed in pairs: transformers and `headscope generate`, without and with one head scaled at every step.
#   python3 tests/bench/generate_bench.py small|8b|FOLDER BATCHES NEW_TOKENS [RUNS]    (torch, transformers; 8b needs a GPU)
# small and 8b are random weights of SmolLM2's and Llama 3 8B's shape; FOLDER a model that transformers loads (gguf_to_hf.py
# makes one), in f32. The program is build/headscope, or $HS. Last come medians over the runs.
import json, os, statistics, subprocess, sys, time
import torch
from transformers import LlamaConfig, LlamaForCausalLM
which = sys.argv[1]; dev = 'cuda' if which.startswith('8b') else 'cpu'
folder = which if os.path.isdir(which) else None
small = dict(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, vocab_size=49152, max_position_embeddings=8192, tie_word_embeddings=True, rope_theta=1e5)
big = dict(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, vocab_size=128256, max_position_embeddings=8192, tie_word_embeddings=False, rope_theta=5e5)
dtype = torch.bfloat16 if dev == 'cuda' else torch.float32
path = folder or '/tmp/model_' + which.split('x')[0]
torch.manual_seed(0)
cfg = LlamaConfig(**(big if dev == 'cuda' else small), bos_token_id=1, eos_token_id=2)
if folder:
    m = LlamaForCausalLM.from_pretrained(folder, dtype=dtype)
elif dev == 'cuda':
    torch.set_default_dtype(dtype)
    with torch.device('cuda'):
        m = LlamaForCausalLM._from_config(cfg, dtype=dtype) if hasattr(LlamaForCausalLM, '_from_config') else LlamaForCausalLM(cfg)
    torch.set_default_dtype(torch.float32)
else:
    m = LlamaForCausalLM(cfg)
if not os.path.exists(path):
    t = time.time(); m.save_pretrained(path); print('saved', round(time.time() - t, 1), 's', flush=True)
m.eval()
threads = int(os.environ.get('OMP_NUM_THREADS', '2'))
if dev == 'cpu': torch.set_num_threads(threads)
batches = [int(b) for b in sys.argv[2].split(',')]
new = int(sys.argv[3])
def hf(batch, n):
    ids = torch.randint(5, 1000, (batch, 16), generator=torch.Generator().manual_seed(1)).to(dev)
    if dev == 'cuda': torch.cuda.synchronize()
    t = time.time()
    with torch.no_grad():
        out = m.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, min_new_tokens=n, do_sample=False, pad_token_id=0)
    if dev == 'cuda': torch.cuda.synchronize()
    return time.time() - t, out[:, 16:].tolist(), ids.tolist()
def hs(batch, n, ids, extra=()):
    with open('/tmp/p.jsonl', 'w') as f:
        for row in ids: f.write(json.dumps({'tokens': row}) + '\n')
    cmd = [os.environ.get('HS', 'build/headscope'), 'generate', path, '--prompts', '/tmp/p.jsonl', '--max-tokens', str(n), '--ignore-end', '--json', '--batch', str(batch), '--dtype', 'bf16' if dev == 'cuda' else 'f32', '--threads', str(threads), *extra]
    if dev == 'cuda': cmd += ['--device', 'cuda']
    p = subprocess.run(cmd, capture_output=True, text=True)
    if p.returncode: print(p.stderr[-2000:]); sys.exit(1)
    j = json.loads(p.stdout)
    return j['seconds'], [[t['token'] for t in q['texts'][0]['tokens']] for q in j['prompts']]
with open('/tmp/e.json', 'w') as f:
    json.dump({'version': 1, 'interventions': [{'site': 'blocks.9.attn.hook_z', 'heads': [3], 'op': 'scale', 'factor': 0.5}]}, f)
runs = int(sys.argv[4]) if len(sys.argv) > 4 else (1 if dev == 'cuda' else 3)
for b in batches:
    _, _, ids = hf(b, 4)
    ratios, costs, steps = [], [], []
    for r in range(runs):
        # Who comes first changes: machines grow warm, and neighbours come and go.
        order = ['hf', 'plain', 'edit'] if r % 2 == 0 else ['edit', 'plain', 'hf']
        took = {}
        for who in order:
            if who == 'hf':
                took[who], theirs, _ = hf(b, new)
            else:
                took[who], written = hs(b, new, ids, ('--intervene', '/tmp/e.json') if who == 'edit' else ())
            if who == 'plain':
                ours = written
        same = sum(x == y for x, y in zip(sum(theirs, []), sum(ours, []))) / len(sum(theirs, []))
        ratios.append(took['hf'] / took['plain']); costs.append(took['edit'] / took['plain'] - 1); steps.append(took['plain'] / new * 1e3)
        print(f"{which} batch {b}: transformers {b*new/took['hf']:.1f} tok/s, headscope {b*new/took['plain']:.1f} (x{ratios[-1]:.2f}), with edit {b*new/took['edit']:.1f} ({100*costs[-1]:+.1f} %), {steps[-1]:.2f} ms/step, same tokens {same:.3f}", flush=True)
    print(f'{which} batch {b}: median ratio {statistics.median(ratios):.2f}, median cost of the edit {100*statistics.median(costs):+.1f} %, median {statistics.median(steps):.2f} ms/step', flush=True)
