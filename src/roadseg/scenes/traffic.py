"""Who is on the road and beside it: vehicles in their lanes, at the kerb and crossing, people and furniture."""

import numpy as np

from roadseg.scenes.cars import CAR_LENGTH, car
from roadseg.scenes.furniture import bollards, direction_board, lamp_post, litter_bin, traffic_light, traffic_sign
from roadseg.scenes.ground import Street
from roadseg.scenes.heavy import BUS_LENGTH, TRUCK_LENGTH, bus, truck
from roadseg.scenes.item import Item
from roadseg.scenes.people import person
from roadseg.scenes.two_wheelers import two_wheeler


class Lane:
    """A line along the road on which nothing may stand in something else."""

    def __init__(self, x: float, yaw: float) -> None:
        self.x, self.yaw = x, yaw
        self.taken: list[tuple[float, float]] = []

    def claim(self, rng: np.random.Generator, length: float, near: float, far: float, gap: float = 1.2) -> float | None:
        """A free z for something of that length whose near end lies in near..far; None after some tries."""
        for _ in range(8):
            z = rng.uniform(near, far)
            if all(z + length + gap < a or b + gap < z for a, b in self.taken):
                self.taken.append((z, z + length))
                return z
        return None


def _vehicle(rng: np.random.Generator, kind: str, lane: Lane, near: float, far: float) -> list[Item]:
    """A vehicle in the lane, or none where there is no room."""
    make, length = {"car": (car, CAR_LENGTH), "bus": (bus, BUS_LENGTH), "truck": (truck, TRUCK_LENGTH)}[kind]
    z = lane.claim(rng, length, near, far)
    if z is None:
        return []
    rear = z if np.cos(lane.yaw) > 0 else z + length
    return [make(rng, lane.x + rng.normal(0, 0.12), rear, lane.yaw + rng.normal(0, 0.02))]


def lanes(street: Street) -> tuple[Lane, list[Lane], list[Lane]]:
    """Our own lane, those coming towards us, and those of parked cars."""
    parked = [Lane(x, yaw) for x, yaw, is_there in (
        (street.left + 1.1, np.pi, street.parking[0]), (street.right - 1.1, 0.0, street.parking[1]),
    ) if is_there]  # fmt: skip
    first, last = -street.lane, street.left + street.lane / 2 + 2.2 * street.parking[0] - 0.3
    return Lane(0.0, 0.0), [Lane(x, np.pi) for x in np.arange(first, last, -street.lane)], parked


def motor_traffic(rng: np.random.Generator, street: Street) -> list[Item]:
    """Cars, trucks, buses, motorcycles and bicycles on the road."""
    own, oncoming, parked = lanes(street)
    ahead = [own, *oncoming]
    items: list[Item] = []
    for kind, odds in (("bus", 0.5), ("truck", 0.5)):
        if rng.random() < odds:
            lane = ahead[rng.integers(len(ahead))]
            items += _vehicle(rng, kind, lane, 15 if lane is own else 10, 34)
    for motor, odds in ((True, 0.5), (False, 0.45)):
        if rng.random() < odds:
            items += _on_two_wheels(rng, street, motor, ahead)
    for lane in ahead:
        for _ in range(rng.integers(1, 5)):
            items += _vehicle(rng, "car", lane, 11 if lane is own else 8, 60)
    for lane in parked:
        for _ in range(rng.integers(3, 9)):
            items += _vehicle(rng, "car", lane, 6, 55)
    return items + (_crossing(rng, street.junction) if street.junction is not None else [])


def _on_two_wheels(rng: np.random.Generator, street: Street, motor: bool, ahead: list[Lane]) -> list[Item]:
    """Somebody riding: along our lane or the kerb, or across."""
    lane = ahead[rng.integers(len(ahead))] if motor else ahead[0]
    z = lane.claim(rng, 2.0, 8, 19)
    if z is None:
        return []
    x = lane.x + rng.uniform(-0.6, 0.6) if motor else min(street.right - 0.5, lane.x + rng.uniform(0.6, 2.2))
    return [two_wheeler(rng, x, z, motor, ridden=True, behind=bool(rng.random() < 0.35))]


def _crossing(rng: np.random.Generator, junction: float) -> list[Item]:
    """Vehicles on the crossing road, seen from the side."""
    items: list[Item] = []
    x = rng.uniform(-25, -8)
    for _ in range(rng.integers(1, 4)):
        kind = rng.choice(3, p=(0.6, 0.2, 0.2))
        make, length = ((car, CAR_LENGTH), (bus, BUS_LENGTH), (truck, TRUCK_LENGTH))[kind]
        items.append(make(rng, x, junction + 1.8, np.pi / 2))
        x += length + rng.uniform(3, 12)
    return items


def people_and_furniture(rng: np.random.Generator, street: Street) -> list[Item]:
    """What stands or walks on the sidewalks and verges."""
    items: list[Item] = []
    for side, kerb, walk in ((-1, street.left, street.walk_left), (1, street.right, street.walk_right)):
        items += _poles(rng, side, kerb)
        room = max(walk, 1.6) - 0.9
        for _ in range(rng.poisson(2.2) if walk else int(rng.random() < 0.25)):
            items.append(person(rng, kerb + side * (0.8 + room * rng.random()), rng.uniform(8, 24)))
        for motor, odds in ((True, 0.33), (False, 0.33)):
            if rng.random() < odds:
                items += _parked_two_wheelers(rng, kerb + side * (0.6 + room * rng.random()), motor)
        if walk and rng.random() < 0.4:
            items.append(litter_bin(rng, kerb + side * (walk - 0.4), rng.uniform(9, 25)))
    return items


def _parked_two_wheelers(rng: np.random.Generator, x: float, motor: bool) -> list[Item]:
    z = rng.uniform(8, 16)
    return [two_wheeler(rng, x, z + 0.9 * i, motor, ridden=False, behind=False) for i in range(rng.integers(1, 4))]


def _poles(rng: np.random.Generator, side: int, kerb: float) -> list[Item]:
    """Lamps at even distances, then signs, lights and bollards here and there, all just behind the kerb."""
    x = kerb + side * 0.45
    items: list[Item] = []
    if rng.random() < 0.6:
        items += [lamp_post(rng, x, z) for z in np.arange(rng.uniform(8, 22), 80, 22.0)]
    if rng.random() < 0.42:
        items.append(traffic_light(rng, x, rng.uniform(10, 24)))
    for _ in range(rng.choice(3, p=(0.4, 0.4, 0.2))):
        items.append(traffic_sign(rng, x + side * rng.uniform(0, 0.3), rng.uniform(9, 26)))
    if rng.random() < 0.15:
        items.append(direction_board(rng, x + side * 1.0, rng.uniform(14, 28)))
    if rng.random() < 0.15:
        items += bollards(rng, x, rng.uniform(8, 16))
    return items
