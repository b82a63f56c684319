"""Write numbered lines into a log: RATE a second, for SECONDS, into FILE."""

import sys
import time
from pathlib import Path

rate, seconds, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
began = time.time()
with path.open("a") as log:
    for number in range(1, rate * seconds + 1):
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')},000 INFO test.lines: {number}\n")
        if number % (rate // 20) == 0:
            log.flush()
            time.sleep(max(0, began + number / rate - time.time()))
