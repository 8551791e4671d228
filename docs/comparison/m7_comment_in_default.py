def sizes(n, widths=[
    64,  # stem
    128,  # body
]):
    widths.append(n)
    return widths


print(sizes(1), sizes(2))
