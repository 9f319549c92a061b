package quality

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
)

// WriteCSV writes a whole trace in the form that [ReadCSV] takes, with its times in
// seconds since the trace began.
func WriteCSV(to io.Writer, trace Trace, shape Shape) error {
	w := csv.NewWriter(to)
	names, at := shape.columns()
	head := []string{columnTime, columnSide, columnPod}
	if shape.Weight {
		head = append(head, columnWeight)
	}
	if err := w.Write(append(head, names...)); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		for _, s := range tick.Scrapes {
			cells := []string{number(math.Round(s.At.Seconds()*1000) / 1000), string(s.Role), s.Pod}
			if shape.Weight {
				cells = append(cells, number(tick.Percent))
			}
			for _, i := range at {
				v := s.Reading[i]
				if i == atGood {
					v += s.Reading[atFailed]
				}
				cells = append(cells, number(v))
			}
			if err := w.Write(cells); err != nil {
				return fmt.Errorf("write trace: %w", err)
			}
		}
	}
	w.Flush()
	return w.Error()
}
