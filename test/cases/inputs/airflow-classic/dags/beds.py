def count_beds(day, wards):
    return {f"ward-{number}": int(day[-2:]) for number in range(wards)}
