package shadow

// segmentOf takes the segments that the rules name, or the record's own.
func segmentOf(rules []SegmentRule, rec *Record) map[string]string {
	if len(rules) == 0 {
		return rec.Segment
	}
	out := make(map[string]string, len(rules))
	var body any
	for _, s := range rules {
		value, ok := rec.Segment[s.Name]
		switch {
		case s.Header != "":
			value = rec.Request.Headers.Get(s.Header)
			ok = value != ""
		case s.Body != "":
			if body == nil {
				body = decodeBody(rec.Request.Body)
			}
			p, err := parsePattern(s.Body)
			if value, ok = "", err == nil; ok {
				value, ok = lookup(body, p.steps)
			}
		}
		if ok {
			out[s.Name] = clip(value, 60)
		}
	}
	return out
}
