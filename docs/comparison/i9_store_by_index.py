def strip_neighbours(tokens):
    for i, token in enumerate(tokens):
        if token == "<s>" and i + 1 < len(tokens):
            tokens[i + 1] = tokens[i + 1].lstrip()
    return tokens


print(strip_neighbours(["<s>", "  a"]))
