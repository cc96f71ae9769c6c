"""Short names for the train ids that the painters write."""

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES

(
    ROAD, SIDEWALK, BUILDING, WALL, FENCE, POLE, LIGHT, SIGN, PLANT, TERRAIN,
    SKY, PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE,
) = range(NUM_CLASSES)  # fmt: skip

VOID = IGNORE_INDEX  # the own car, street furniture without a class, the border of the frame
