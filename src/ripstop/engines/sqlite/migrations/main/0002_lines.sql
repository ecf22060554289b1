-- Ready calls are sorted by lanes: the criticality, and below it the line, which is a hash of function and namespace
-- (`ripstop.engines.common.call_lane`). So each line can be read from its beginning, or left out as a whole.

ALTER TABLE calls ADD COLUMN namespace TEXT;

-- The call that this one is a part of.
ALTER TABLE calls ADD COLUMN parent INTEGER;
CREATE INDEX calls_parts ON calls (parent) WHERE parent IS NOT NULL;

-- Whoever wakes a call gives it its lane.
UPDATE call_counts SET waiting = waiting + ready, ready = 0;
UPDATE calls SET state = 0, lane = 0, rank = due WHERE state = 1;
