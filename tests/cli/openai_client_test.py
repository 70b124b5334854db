"""The `openai` package, as people use it, against `headscope serve`: completions, a chat, a stream, errors.

Skipped (77) where Python lacks the package; HEADSCOPE_OPENAI_PYTHON can name one that has it. HEADSCOPE_PROGRAM names
the program, the argument the folder of fixtures.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import openai
except ImportError:
    why = f"{sys.executable} has no openai; HEADSCOPE_OPENAI_PYTHON can name a Python that has"
    print("skipped:", why)
    if "HEADSCOPE_SKIPPED" in os.environ:
        os.makedirs(os.path.dirname(os.environ["HEADSCOPE_SKIPPED"]), exist_ok=True)
        with open(os.environ["HEADSCOPE_SKIPPED"], "w") as file:
            file.write(f"the openai package against headscope serve\t{why}\n")
    sys.exit(77)

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}<assistant>"
OFF = {"version": 1, "interventions": [{"site": "blocks.*.attn.hook_z", "op": "zero"}]}
TOKEN = "the-token-of-this-test"


def check_chat(client, model):
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "a b"}]
    asked = dict(model=model, messages=messages, max_tokens=8, temperature=0)
    plain = client.chat.completions.create(**asked, logprobs=True, top_logprobs=3)
    choice = plain.choices[0]
    assert choice.message.role == "assistant" and choice.finish_reason in ("length", "stop")
    assert plain.usage.completion_tokens >= 1
    assert len(choice.logprobs.content[0].top_logprobs) == 3
    off = client.chat.completions.create(**asked, extra_body={"interventions": OFF, "return": ["baseline"]})
    assert off.model_extra["baseline"]["message"]["content"] == choice.message.content
    assert off.choices[0].message.content != choice.message.content
    text, baseline, usage = "", "", None
    stream = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True},
                                            extra_body={"interventions": OFF, "return": ["baseline"]})
    for chunk in stream:
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        baseline += ((chunk.model_extra or {}).get("baseline") or {}).get("delta", {}).get("content", "")
        usage = chunk.usage or usage
    assert text == off.choices[0].message.content, (text, off)
    assert baseline == choice.message.content
    assert usage.completion_tokens == off.usage.completion_tokens


def check_completions(client, model):
    whole = client.completions.create(model=model, prompt="a b", max_tokens=8, temperature=0.8, seed=3)
    text = "".join(chunk.choices[0].text for chunk in
                   client.completions.create(model=model, prompt="a b", max_tokens=8, temperature=0.8, seed=3, stream=True))
    assert text == whole.choices[0].text
    stop = next((c for c in whole.choices[0].text if whole.choices[0].text.count(c) and c.isprintable()), None)
    if stop:
        cut = client.completions.create(model=model, prompt="a b", max_tokens=8, temperature=0.8, seed=3, stop=stop)
        assert cut.choices[0].text == whole.choices[0].text.split(stop)[0]
        assert cut.choices[0].finish_reason == "stop"


def check_errors(client, model, url):
    def refused(kind, **body):
        try:
            client.completions.create(**{"model": model, "prompt": "a", **body})
        except kind as error:
            return str(error)
        raise AssertionError(f"{body} was answered")

    assert "only one text" in refused(openai.BadRequestError, n=2)
    assert "gpt-9" in refused(openai.NotFoundError, model="gpt-9")
    unknown = {"version": 1, "interventions": [{"site": "blocks.0.attn.hook_zz", "op": "zero"}]}
    assert "hook_z" in refused(openai.BadRequestError, extra_body={"interventions": unknown})
    try:
        openai.OpenAI(base_url=url, api_key="wrong", max_retries=0).models.list()
        raise AssertionError("a wrong token was taken")
    except openai.AuthenticationError:
        pass


def main():
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "tiny")
        shutil.copytree(os.path.join(sys.argv[1], "llama"), model)
        with open(os.path.join(model, "chat_template.jinja"), "w") as file:
            file.write(TEMPLATE)
        token = os.path.join(folder, "token")
        with open(token, "w") as file:
            file.write(TOKEN + "\n")
        server = subprocess.Popen([os.environ["HEADSCOPE_PROGRAM"], "serve", model, "--port", "0", "--json", "--threads", "1",
                                   "--token", token], stdout=subprocess.PIPE, text=True)
        try:
            said = ""
            while "}" not in said and server.poll() is None:
                said += server.stdout.readline()
            url = json.loads(said)["url"] + "/v1"
            client = openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0)
            name = client.models.list().data[0].id
            assert name == "tiny", name
            check_chat(client, name)
            check_completions(client, name)
            check_errors(client, name, url)
        finally:
            server.terminate()
            assert server.wait(60) == 0


main()
