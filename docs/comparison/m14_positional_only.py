def scale(x, out=[], /):
    out.append(x)
    return out


print(scale(1), scale(2))
