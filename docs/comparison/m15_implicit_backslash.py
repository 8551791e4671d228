def collect(x, acc=[]):
    "Collect x " \
        "into acc."
    acc.append(x)
    return acc


print(collect.__doc__)
print(collect(1), collect(2))
