"""Help that grows: where to look, then what to think about, then what was seen. Never how to write it."""

# For each point: where to look, and a question that leads on.
HINTS = {
    "bounds": (
        "Look at every index of your kernel.",
        "How many threads does the grid have, and how many elements are there? What do the others do? "
        "Take the first and the last thread, and work out each index by hand.",
    ),
    "work": (
        "Look at which thread does which element, and at who writes where.",
        "For two threads, and for two blocks, write down which elements they change. Does each element have "
        "one thread? If several must change the same one, what keeps them apart?",
    ),
    "values": (
        "Look at what is computed, starting with the smallest launch that fails.",
        "Take three elements and compute the result by hand. Which of rows and columns, first and last, "
        "start value and sum differ from what the kernel does?",
    ),
    "order": (
        "Look at what a thread reads that another thread wrote.",
        "Let one thread run far ahead of all others, or far behind. What does it read then? Is there a "
        "barrier that all threads reach, between writing and reading? Is some number the size of a warp?",
    ),
    "sectors": (
        "Look at the addresses that the threads of a warp use at the same moment.",
        "How far apart in memory are the elements of thread 0 and of thread 1? Which index is the one that "
        "changes fastest in memory?",
    ),
    "banks": (
        "Look at the shared array, and at how the threads of a warp walk through it.",
        "Shared memory has 32 banks, one word wide. Which bank do thread 0 and thread 1 ask? What would "
        "another length of the rows change?",
    ),
    "registers": (
        "Look at how many values a thread keeps at the same time.",
        "Which of them could be computed later, or again, or be shared with the block?",
    ),
    "spills": (
        "Look at how many values a thread keeps at the same time.",
        "Which are needed only much later?",
    ),
    "local": (
        "Look at local arrays, and at how they are indexed.",
        "Can the compiler know each index before the kernel runs? Registers have no addresses.",
    ),
    "speed": (
        "Look at the innermost loop, and at what it does again in every round.",
        "What of it is the same in all rounds? In which order does it walk through memory?",
    ),
    "sanitizer": (
        "Look at every access and at every barrier, on the launch that was watched.",
        "Which array could a thread leave, and which barrier could a thread miss? The simulator tells more: "
        "run the same check without a GPU.",
    ),
    "float64": (
        "Look at every number in your kernel.",
        "Of what type is a number with a point, and of what type is the result when it meets a float32?",
    ),
}
LEVELS = (1, 2, 3)


def hint(point: str, words: str, level: int) -> str:
    """The hint of that level; ValueError if there is no such level."""
    if level not in LEVELS:
        raise ValueError(f"hints have the levels 1, 2 and 3, not {level}")
    where, question = HINTS[point]
    return (where, question, words)[level - 1]
