package rules

// sceneWorth is what each good trial of a scene brings, where a mean is judged: not 1,
// so that sum, squares and trials cannot be mistaken for each other.
const sceneWorth = 20

// valued counts the events of a scene as values, if a mean is judged.
func (r *Reference) valued(c PodCount) PodCount {
	if r.signal.isMean() {
		c.Squares = c.Bad * sceneWorth * sceneWorth
		c.Bad *= sceneWorth
	}
	return c
}

// times is a counter that grows so many times as much.
func (t tally) times(n float64) tally {
	out := t
	out.grown = make([]float64, len(t.grown))
	for i, g := range t.grown {
		out.grown[i] = g * n
	}
	return out
}

// mean writes the three counters of a mean, two of which may begin with the first value.
func (w *podWriter) mean(s signal) {
	w.add(s.all.series, nil, 0, 1)
	w.write(s.bad.series, nil, w.part(1).times(sceneWorth))
	w.write(s.squares, nil, w.part(1).times(sceneWorth*sceneWorth))
}
