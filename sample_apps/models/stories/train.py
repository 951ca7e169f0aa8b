#!/usr/bin/env python3
"""Train the story model on stories from the grammar and write it as GGUF. Needs PyTorch (Debian: python3-torch).

    python3 train.py --work-dir build/stories        # learn the vocabulary, train, export
    python3 train.py --work-dir build/stories --export-only

A run that is interrupted goes on from its last checkpoint. The same seed and number of steps give the same stories in
the same order; the weights are the same on the same machine with the same libraries and number of threads."""

import argparse
import json
import os
import random
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # has to be set before torch is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

import gguf  # noqa: E402
import grammar  # noqa: E402
import network  # noqa: E402
import reference  # noqa: E402
import spm  # noqa: E402

VOCABULARY = 1536
VOCABULARY_STORIES = 6000
STORIES_IN_STEP = 8
STEPS_IN_POOL = 16
IGNORED = -100
HELD_OUT_STORIES = 64


def vocabulary(work_dir, seed):
    """The vocabulary, learnt once."""
    path = work_dir / "vocabulary.json"
    if not path.exists():
        rng = random.Random(f"vocabulary {seed}")
        learnt = spm.learn([grammar.story(rng) for _ in range(VOCABULARY_STORIES)], VOCABULARY)
        path.write_text(json.dumps(learnt))
    return json.loads(path.read_text())


def row(rng, tokenizer):
    """A story as ids, from <s> to </s>; one in ten is followed by a second one, up to the whole context."""
    ids = tokenizer.encode(grammar.story(rng)) + [spm.END]
    if rng.random() < 0.1:
        ids += tokenizer.encode(grammar.story(rng)) + [spm.END]
    return ids[:network.CONTEXT + 1]


def batch(rows):
    """Inputs and targets of equal length; what is beyond a row's end does not count."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), spm.END)
    targets = torch.full((len(rows), length), IGNORED)
    for at, found in enumerate(rows):
        ids[at, :len(found)] = targets[at, :len(found)] = torch.tensor(found)
    return ids[:, :-1], targets[:, 1:]


def batches(tokenizer, seed, first_step):
    """Batches from a step on. A pool of rows is sorted by length, so that rows of about the same length meet."""
    pool_index = first_step // STEPS_IN_POOL
    skipped = first_step % STEPS_IN_POOL
    while True:
        rng = random.Random(f"pool {seed} {pool_index}")
        rows = sorted((row(rng, tokenizer) for _ in range(STORIES_IN_STEP * STEPS_IN_POOL)), key=len)
        groups = [rows[at:at + STORIES_IN_STEP] for at in range(0, len(rows), STORIES_IN_STEP)]
        rng.shuffle(groups)
        for group in groups[skipped:]:
            yield batch(group)
        pool_index, skipped = pool_index + 1, 0


def loss_of(net, ids, targets):
    """Mean negative log-likelihood of a token, in nats."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(ids)
    return functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


class Muon:
    """Momentum whose step is made orthogonal by five Newton-Schulz iterations, for matrices (Jordan et al., 2024,
    https://kellerjordan.github.io/posts/muon/). Learns from far fewer stories than Adam."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.momenta = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, rate, momentum=0.95, decay=0.01):
        for parameter, average in zip(self.parameters, self.momenta):
            average.mul_(momentum).add_(parameter.grad)
            x = parameter.grad.add(average, alpha=momentum).bfloat16()
            tall = x.shape[0] > x.shape[1]
            x = (x.T if tall else x) / (x.norm() + 1e-7)
            for _ in range(5):
                square = x @ x.T
                x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
            step = (x.T if tall else x).float() * max(1, parameter.shape[0] / parameter.shape[1]) ** 0.5
            parameter.mul_(1 - rate * decay).add_(step, alpha=-rate)


def rate_at(step, steps):
    """Full after 20 steps, and falling to nothing over the last 40 %."""
    return min((step + 1) / 20, 1.0, (steps - step) / (0.4 * steps))


def held_out_loss(net, tokenizer, seed):
    rng = random.Random(f"held out {seed}")
    rows = sorted((tokenizer.encode(grammar.story(rng)) + [spm.END] for _ in range(HELD_OUT_STORIES)), key=len)
    total = count = 0
    with torch.no_grad():
        for at in range(0, len(rows), 16):
            ids, targets = batch(rows[at:at + 16])
            tokens = int((targets != IGNORED).sum())
            total += loss_of(net, ids, targets).item() * tokens
            count += tokens
    return total / count


def train(net, tokenizer, arguments):
    checkpoint = arguments.work_dir / "checkpoint.pt"
    matrices = Muon(parameter for parameter in net.blk.parameters() if parameter.dim() == 2)
    others = [parameter for name, parameter in net.named_parameters()
              if parameter.dim() != 2 or not name.startswith("blk.")]
    adam = torch.optim.Adam(others, betas=(0.9, 0.95), eps=1e-10)
    first = tokens = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        net.load_state_dict(saved["net"])
        adam.load_state_dict(saved["adam"])
        matrices.momenta, first, tokens = saved["momenta"], saved["step"], saved["tokens"]
    saved_at, recent = time.time(), []
    stream = batches(tokenizer, arguments.seed, first)
    for step in range(first, arguments.steps):
        ids, targets = next(stream)
        loss = loss_of(net, ids, targets)
        net.zero_grad(set_to_none=True)
        loss.backward()
        rate = rate_at(step, arguments.steps)
        for group in adam.param_groups:
            group["lr"] = 0.004 * rate
        adam.step()
        matrices.step(0.02 * rate)
        tokens += int((targets != IGNORED).sum())
        recent.append(loss.item())
        last = step + 1 == arguments.steps
        if last or (step + 1) % 10 == 0:
            print(f"step {step + 1}: loss {sum(recent) / len(recent):.4f}, {tokens} tokens, "
                  f"{time.process_time():.0f} s of processor time", flush=True)
            recent = []
        if last or time.time() - saved_at > 60:
            torch.save({"net": net.state_dict(), "adam": adam.state_dict(), "momenta": matrices.momenta,
                        "step": step + 1, "tokens": tokens}, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").rename(checkpoint)
            saved_at = time.time()
    print(f"held-out loss {held_out_loss(net, tokenizer, arguments.seed):.4f} nats a token", flush=True)


def export(net, pieces, path, kind):
    """Norms in F32, matrices in `kind`."""
    tokens, scores, types = pieces
    metadata = [
        ("general.architecture", gguf.STRING, "llama"),
        ("general.name", gguf.STRING, "Troupe stories"),
        ("general.license", gguf.STRING, "apache-2.0"),
        ("general.file_type", gguf.UINT32, gguf.FILE_TYPES[kind]),
        ("general.quantization_version", gguf.UINT32, 2),
        ("llama.vocab_size", gguf.UINT32, len(tokens)),
        ("llama.context_length", gguf.UINT32, network.CONTEXT),
        ("llama.embedding_length", gguf.UINT32, network.WIDTH),
        ("llama.block_count", gguf.UINT32, network.LAYERS),
        ("llama.feed_forward_length", gguf.UINT32, network.HIDDEN),
        ("llama.attention.head_count", gguf.UINT32, network.HEADS),
        ("llama.attention.head_count_kv", gguf.UINT32, network.KV_HEADS),
        ("llama.attention.layer_norm_rms_epsilon", gguf.FLOAT32, network.EPSILON),
        ("llama.rope.freq_base", gguf.FLOAT32, network.ROPE_BASE),
        ("llama.rope.dimension_count", gguf.UINT32, network.HEAD_SIZE),
        ("tokenizer.ggml.model", gguf.STRING, "llama"),
        ("tokenizer.ggml.pre", gguf.STRING, "default"),
        ("tokenizer.ggml.tokens", gguf.STRING, tokens),
        ("tokenizer.ggml.scores", gguf.FLOAT32, scores),
        ("tokenizer.ggml.token_type", 5, types),
        ("tokenizer.ggml.bos_token_id", gguf.UINT32, spm.BEGIN),
        ("tokenizer.ggml.eos_token_id", gguf.UINT32, spm.END),
        ("tokenizer.ggml.unknown_token_id", gguf.UINT32, spm.UNKNOWN),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, True),
        ("tokenizer.ggml.add_eos_token", gguf.BOOL, False),
        ("tokenizer.ggml.add_space_prefix", gguf.BOOL, True),
    ]
    tensors = [(name, parameter.detach().numpy(), kind if parameter.dim() == 2 else gguf.F32)
               for name, parameter in net.named_parameters()]
    gguf.write(path, metadata, tensors)


def compare(net, path, prompts=("Once upon a time", "One day, a little fox named Pip", "Tilda was a small bear who")):
    """Whether the exported file says the same as the network: the likeliest 64 tokens, each from all before it."""
    model = reference.Model(path)
    for prompt in prompts:
        ids = model.tokenizer.encode(prompt)
        tokens, rows = model.greedy(ids, 64)
        with torch.no_grad():
            expected = net(torch.tensor([ids + tokens[:-1]]))[0, len(ids) - 1:].numpy()
        same = int((expected.argmax(axis=1) == tokens).sum())
        print(f"{path.name}: {same} of 64 tokens as the network's, logits differ by at most "
              f"{np.abs(expected - rows).max():.4f}, after \"{prompt}\"", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Train the story model.")
    parser.add_argument("--work-dir", type=Path, required=True, help="vocabulary, checkpoint and exported files")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export-only", action="store_true", help="export the checkpoint as it is")
    arguments = parser.parse_args()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    pieces = vocabulary(arguments.work_dir, arguments.seed)
    net = network.Network(VOCABULARY)
    if arguments.export_only:
        net.load_state_dict(torch.load(arguments.work_dir / "checkpoint.pt")["net"])
    else:
        train(net, spm.Tokenizer(*pieces), arguments)
    for name, kind in (("stories-f16.gguf", gguf.F16), ("stories-q8_0.gguf", gguf.Q8_0)):
        export(net, pieces, arguments.work_dir / name, kind)
        compare(net, arguments.work_dir / name)


if __name__ == "__main__":
    main()
