package quality

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A Number is one number, or one of a range: 0.05 or 0.05..0.1.
type Number struct{ Low, High float64 }

// A Span is one duration, or one of a range: 5m or 5m..1h.
type Span struct{ Low, High time.Duration }

// UnmarshalYAML reads either form.
func (n *Number) UnmarshalYAML(node *yaml.Node) error {
	low, high, err := ends(node, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	*n = Number{low, high}
	return err
}

// UnmarshalYAML reads either form.
func (s *Span) UnmarshalYAML(node *yaml.Node) error {
	low, high, err := ends(node, time.ParseDuration)
	*s = Span{low, high}
	return err
}

func ends[T float64 | time.Duration](node *yaml.Node, parse func(string) (T, error)) (low, high T, err error) {
	from, to, ranged := strings.Cut(node.Value, "..")
	if !ranged {
		to = from
	}
	if low, err = parse(strings.TrimSpace(from)); err == nil {
		high, err = parse(strings.TrimSpace(to))
	}
	if err != nil || high < low {
		return low, high, fmt.Errorf("%q is neither a value nor a range low..high", node.Value)
	}
	return low, high, nil
}

func (n Number) draw(rnd *rand.Rand) float64 { return n.Low + (n.High-n.Low)*rnd.Float64() }

func (s Span) draw(rnd *rand.Rand) time.Duration {
	return s.Low + time.Duration(float64(s.High-s.Low)*rnd.Float64())
}
