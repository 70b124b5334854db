#!/usr/bin/env python3
"""serve_load.py PROGRAM MODEL [--requests N] [--at-once N] [--soak N] [--kinds N]: the load test of BENCHMARKS.md.

Starts `headscope serve`, has each of a set of different requests (prompts, interventions, samplers) answered alone by a
server that keeps no prefixes, then sends them mixed, many at once, to one that does, and holds every answer against the
one given alone; then a soak, during which the memory that /metrics tells must stay flat, with clients that leave in the
middle among the others. Needs nothing but Python.
"""
import argparse
import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import time


def requests(layers, heads, count):
    """Different requests: what is asked, so that the answer depends on nothing else."""
    random.seed(7)
    made = []
    shared = [random.randrange(5, 250) for _ in range(10)]  # a beginning that many have
    for i in range(count):
        own = [random.randrange(5, 250) for _ in range(1 + i % 12)]
        body = {"prompt": shared + own if i % 4 == 3 else own, "max_tokens": 4 + i % 9,
                "temperature": 0 if i % 2 else 1.3, "seed": i, "top_p": 0.9 if i % 3 else 1.0}
        layer, head = random.randrange(layers), random.randrange(heads)
        edits = [None,
                 {"site": f"blocks.{layer}.attn.hook_z", "heads": [head], "op": "zero"},
                 {"site": "blocks.*.attn.hook_z", "heads": [head], "op": "scale", "factor": -2.5},
                 {"site": f"blocks.{layer}.hook_mlp_out", "op": "scale", "factor": 3},
                 {"site": f"blocks.{layer}.attn.hook_pattern", "heads": [head], "op": "uniform"},
                 {"site": f"blocks.{layer}.attn.hook_attn_scores", "heads": [head], "op": "bias", "bias": 1.5,
                  "pairs": [[None, 0]]},
                 {"site": f"blocks.{layer}.attn.hook_z", "op": "zero", "apply": {"phase": "decode"}},
                 {"site": f"blocks.{layer}.attn.hook_z", "op": "scale", "factor": -2, "apply": {"steps": {"from": 1, "to": 3}}},
                 {"site": f"blocks.{layer}.hook_resid_post", "op": "scale",
                  "strength": {"schedule": "linear", "from": 3, "to": 1, "steps": 4}},
                 {"site": f"blocks.{layer}.attn.hook_z", "op": "zero",
                  "when": {"statistic": "first_token_mass", "above": 0.3}}][i % 10]
        if edits:
            body["interventions"] = {"version": 1, "interventions": [edits]}
        made.append(body)
    return made


async def post(port, path, body, leave_after=None):
    """The answer's status and JSON; None for a client that leaves after so many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    writer.write(f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()
    try:
        if leave_after is not None:
            await asyncio.sleep(leave_after)
            return None
        answer = await reader.read()
    finally:
        writer.close()
    head, _, rest = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(rest)


async def get(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


async def metric(port, name):
    return int(re.search(rf"^headscope_{name} (\d+)$", await get(port, "/metrics"), re.M).group(1))


def told(answer):
    """What of an answer must not depend on what ran beside it."""
    status, body = answer
    if status == 400 and body["error"]["code"] == "intervention_changed_nothing":  # as right as a text
        return status, body["error"]["message"]
    if status != 200:
        raise SystemExit(f"status {status}: {body}")
    return body["choices"][0]["text"], body["choices"][0]["finish_reason"], body["usage"], body.get("interventions")


async def many(port, bodies, at_once, leave=0.0):
    """All answers, `at_once` at a time; a part `leave` of the clients goes away early."""
    gate = asyncio.Semaphore(at_once)

    async def one(body):
        async with gate:
            early = random.random() < leave
            return await post(port, "/v1/completions", body, random.random() * 0.02 if early else None)

    return await asyncio.gather(*(one(body) for body in bodies))


async def alone(port, options):
    """The requests, and each one's answer when nothing runs beside it."""
    card = json.loads(await get(port, "/v1/models"))["data"][0]
    kinds = requests(card["n_layers"], card["n_heads"], options.kinds)
    answers = [told(await post(port, "/v1/completions", body)) for body in kinds]
    assert len(set(map(str, answers))) > len(kinds) / 2, "the requests are too much alike"
    return kinds, answers


async def measure(port, options, kinds, alone):
    order = [i % len(kinds) for i in range(options.requests)]
    random.shuffle(order)
    start, tokens = time.monotonic(), await metric(port, "written_tokens_total")
    answers = await many(port, [kinds[i] for i in order], options.at_once)
    seconds, tokens = time.monotonic() - start, await metric(port, "written_tokens_total") - tokens
    wrong = sum(told(answer) != alone[i] for answer, i in zip(answers, order))
    print(f"{len(answers)} requests, {options.at_once} at once: {wrong} wrong, {seconds:.1f} s, "
          f"{len(answers) / seconds:.0f} requests/s, {tokens / seconds:.0f} tokens/s, "
          f"{await metric(port, 'prefix_hits_total')} prompts began as an earlier one", flush=True)
    for i in [i for answer, i in zip(answers, order) if told(answer) != alone[i]][:3]:
        print("wrong:", json.dumps(kinds[i]), "alone:", alone[i])
    if options.soak == 0:
        return wrong == 0

    sizes = [await metric(port, "resident_bytes")]
    parts = 10
    for _ in range(parts):
        part = [random.choice(kinds) for _ in range(options.soak // parts)]
        await many(port, part, options.at_once, leave=0.1)
        sizes.append(await metric(port, "resident_bytes"))
    grown = (sizes[-1] - sizes[parts // 2]) / sizes[parts // 2]
    print(f"{options.soak} more, a tenth of whose clients left early: resident MB "
          + " ".join(f"{size / 1e6:.0f}" for size in sizes) + f"; second half {100 * grown:+.2f} %")
    for _ in range(100):
        running = await metric(port, "texts_running")
        if running == 0:
            break
        await asyncio.sleep(0.05)
    print(f"texts still running: {running}")
    return wrong == 0 and grown < 0.02 and running == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--soak", type=int, default=10000)
    parser.add_argument("--kinds", type=int, default=48, help="of requests that differ")
    parser.add_argument("--threads", default="0")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    with serving(options, "0") as port:
        kinds, answers = asyncio.run(alone(port, options))
    with serving(options, "256") as port:
        good = asyncio.run(measure(port, options, kinds, answers))
    sys.exit(0 if good else 1)


@contextlib.contextmanager
def serving(options, prefix_megabytes):
    """The port of a server that ends as it should when the block does."""
    server = subprocess.Popen([options.program, "serve", options.model, "--port", "0", "--json", "--threads",
                               options.threads, "--device", options.device, "--prefix-cache", prefix_megabytes],
                              stdout=subprocess.PIPE, text=True)
    try:
        said = ""
        while "}" not in said:
            said += server.stdout.readline()
        yield int(json.loads(said)["url"].rsplit(":", 1)[1])
    finally:
        server.terminate()
        code = server.wait(60)
    if code != 0:
        raise SystemExit(f"the server ended with {code}")


if __name__ == "__main__":
    main()
