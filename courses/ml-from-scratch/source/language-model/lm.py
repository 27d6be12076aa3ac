"""Trains a small transformer on the manual of Python: on a processor, on one GPU, or on several.

    python lm.py                                        a processor, or the one GPU that is there
    torchrun --standalone --nproc-per-node=4 lm.py      a process for each of four GPUs

Each process does its part of every batch. Together they do what one would do alone: the losses are the same.
"""

import argparse
import os
from pydoc_data.topics import topics

import torch
import torch.distributed as dist
from torch import nn


class Transformer(nn.Module):
    """Scores for the next token, at every place of every piece."""

    def __init__(self, size, context, width, heads, blocks):
        super().__init__()
        self.tokens, self.places = nn.Embedding(size, width), nn.Embedding(context, width)
        kind = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        layers = (nn.TransformerEncoderLayer(width, heads, 4 * width, **kind) for _ in range(blocks))
        self.blocks = nn.ModuleList(layers)
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, size)

    def forward(self, inputs):
        places = torch.arange(inputs.shape[1], device=inputs.device)
        later = nn.Transformer.generate_square_subsequent_mask(inputs.shape[1], device=inputs.device)
        x = self.tokens(inputs) + self.places(places)
        for block in self.blocks:
            x = block(x, src_mask=later, is_causal=True)
        return self.scores(self.norm(x))


def texts():
    """All tokens to learn from, those for validation, and how many different ones there are."""
    names = sorted(topics)
    for_validation = set(names[::5])
    letters = sorted({*"\n".join(topics.values())})
    number_of = {letter: number for number, letter in enumerate(letters)}

    def tokens_of(part):
        return torch.tensor([number_of[letter] for letter in "\n".join(topics[name] for name in part)])

    to_learn_from = [name for name in names if name not in for_validation]
    return tokens_of(to_learn_from), tokens_of(sorted(for_validation)), len(letters)


def pieces(tokens, places, context, device):
    """Inputs, and targets that are moved by one: from each place one token more than the context."""
    found = torch.stack([tokens[place : place + context + 1] for place in places]).to(device)
    return found[:, :-1], found[:, 1:]


def loss_of(model, inputs, targets):
    # Products with 16 bits, where the hardware is made for them.
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=inputs.is_cuda):
        return nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def train(options, process, processes, device):
    tokens, validation, size = texts()
    torch.manual_seed(options.seed)  # the same in each process: they begin with the same weights
    model = Transformer(size, options.context, options.width, options.heads, options.blocks).to(device)
    together = model
    if processes > 1:
        together = nn.parallel.DistributedDataParallel(model)
    adam = torch.optim.AdamW(model.parameters(), lr=options.rate, betas=(0.9, 0.995))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, options.rate, options.steps, pct_start=0.1, cycle_momentum=False, final_div_factor=1
    )
    chance = torch.Generator().manual_seed(options.seed)  # all processes draw the same places ...
    for step in range(1, options.steps + 1):
        places = torch.randint(len(tokens) - options.context, (options.count,), generator=chance)
        own = places[process::processes]  # ... and each takes its share of them
        loss = loss_of(together, *pieces(tokens, own, options.context, device))
        adam.zero_grad()
        loss.backward()  # with many processes, the mean of all slopes is taken here
        adam.step()
        schedule.step()
        if step == 1 or step % options.every == 0:
            loss = mean_of_all(loss.detach(), processes)
            if process == 0:
                print(f"step {step}: loss {loss:.4f}", flush=True)
    if process == 0:
        print(f"on text that it never saw: loss {loss_on(validation, model, options.context, device):.4f}")
        if options.save:
            torch.save(model.state_dict(), options.save)
    if processes > 1:
        dist.barrier()  # nobody leaves before all are done


@torch.no_grad()
def loss_on(tokens, model, context, device):
    places = torch.arange(0, len(tokens) - context, context)
    parts = places.split(64)
    losses = [len(part) * loss_of(model, *pieces(tokens, part, context, device)).item() for part in parts]
    return sum(losses) / len(places)


def mean_of_all(loss, processes):
    if processes > 1:
        dist.all_reduce(loss)
        loss /= processes
    return loss.item()


def main():
    parser = argparse.ArgumentParser(description="Train a small transformer on the manual of Python.")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--count", type=int, default=64, help="pieces in a batch, over all processes")
    parser.add_argument("--context", type=int, default=128, help="tokens in a piece")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3, help="the highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=100, help="steps from one printed loss to the next")
    parser.add_argument("--save", help="a file for the trained weights")
    options = parser.parse_args()

    # torchrun tells each process which one it is, and how many there are.
    process, processes = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if options.count % processes:
        parser.error(f"{options.count} pieces can't be shared by {processes} processes: change --count.")
    device = torch.device("cpu")
    if torch.cuda.is_available():  # with AMD's GPUs, too
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if processes > 1:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    train(options, process, processes, device)
    if processes > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
