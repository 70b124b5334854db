"""Seed-OSS: Llama with biases of queries, keys and values."""

import capture
from fixture_models import V5, Fixture


def seed_oss(**kw):
    return dict(
        architectures=["SeedOssForCausalLM"], model_type="seed_oss", vocab_size=120, hidden_size=32, intermediate_size=48,
        num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, hidden_act="silu", max_position_embeddings=64,
        rms_norm_eps=1e-6, attention_bias=True, attention_out_bias=False, mlp_bias=False, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2, initializer_range=0.02, pretraining_tp=1, residual_dropout=0.1, use_cache=True, **kw)


FIXTURES = {"seed_oss": Fixture(seed_oss(rope_parameters=dict(rope_type="default", rope_theta=10000.0), **V5))}
PARTS = dict(seed_oss=capture.LLAMA)
