package shadow

import (
	"encoding/json"
	"errors"
	"io"
)

// readJSONL reads the canonical format: one Record a line, empty lines allowed.
func readJSONL(in io.Reader, file string, yield func(Record, error) bool) bool {
	l, n := newLines(in), int64(0)
	for {
		line, whole, err := l.next()
		switch {
		case errors.Is(err, io.EOF):
			return true
		case err != nil && !errors.Is(err, errTooLong):
			return yield(Record{}, err)
		case err == nil && len(line) == 0:
			continue
		}
		n++
		bad := BadRecord{File: file, Line: l.n, Record: n}
		var r Record
		if err == nil {
			err = json.Unmarshal(line, &r)
		}
		switch {
		case errors.Is(err, errTooLong):
			bad.What, bad.Mend = err.Error(), "leave it out of the recording, or record less of its body"
		case err != nil && !whole:
			bad.What, bad.Mend = "is cut off", "the writer was stopped in the middle: delete the last line"
		case err != nil:
			bad.What, bad.Mend = whatJSON(err), `write {"id","ts","segment","version","request","response"}, one object a line`
		case r.ID == "":
			bad.What, bad.Mend = "has no id", "give every record the request's id: sampling and joining go by it"
		}
		if bad.What != "" {
			if !yield(Record{}, bad) {
				return false
			}
			continue
		}
		r.line = l.n
		if !yield(r, nil) {
			return false
		}
	}
}
