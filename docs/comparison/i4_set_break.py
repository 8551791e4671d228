def take():
    free = {1}
    for port in free:
        free.remove(port)
        break
    return free


print(take())
