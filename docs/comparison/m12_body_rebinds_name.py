n = 3


def sizes(buf=[n]):
    n = 7
    buf.append(n)
    return buf


print(sizes())
