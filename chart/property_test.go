package chart_test

import (
	"encoding/xml"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/chart"
)

func numbers() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1),
		rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 0, 1e100, -1e-300}))
}

func moments() *rapid.Generator[time.Time] {
	return rapid.OneOf(
		rapid.Map(rapid.Int64Range(-7200, 7200), func(s int64) time.Time { return noon.Add(time.Duration(s) * time.Second) }),
		rapid.Map(rapid.Int64(), func(s int64) time.Time { return time.Unix(s%1e12, 0) }),
		rapid.Just(time.Time{}),
	)
}

func lines() *rapid.Generator[chart.Line] {
	return rapid.Custom(func(t *rapid.T) chart.Line {
		l := chart.Line{Name: rapid.String().Draw(t, "line"), Role: rapid.SampledFrom([]chart.Role{chart.Candidate, chart.Stable, chart.Limit, chart.Significance, "?"}).Draw(t, "role")}
		for range rapid.IntRange(0, 8).Draw(t, "points") {
			l.Points = append(l.Points, chart.Point{At: moments().Draw(t, "at"), Value: numbers().Draw(t, "value")})
		}
		return l
	})
}

func charts() *rapid.Generator[chart.Chart] {
	return rapid.Custom(func(t *rapid.T) chart.Chart {
		c := chart.Chart{
			Title: rapid.String().Draw(t, "title"), From: moments().Draw(t, "from"), To: moments().Draw(t, "to"), Zero: moments().Draw(t, "zero"),
			Every: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "every")),
		}
		for range rapid.IntRange(0, 3).Draw(t, "panels") {
			c.Panels = append(c.Panels, chart.Panel{
				Name: rapid.String().Draw(t, "name"), Lines: rapid.SliceOfN(lines(), 0, 3).Draw(t, "lines"), Limit: numbers().Draw(t, "limit"),
				LimitName: rapid.String().Draw(t, "limit name"), Floor: rapid.Bool().Draw(t, "floor"), Top: numbers().Draw(t, "top"),
			})
		}
		for range rapid.IntRange(0, 8).Draw(t, "marks") {
			c.Marks = append(c.Marks, chart.Mark{Name: rapid.String().Draw(t, "mark"), At: moments().Draw(t, "at"), Until: moments().Draw(t, "until")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "strips") {
			c.Strips = append(c.Strips, chart.Strip{Name: rapid.String().Draw(t, "strip"), Spans: []chart.Span{{At: moments().Draw(t, "at"), Until: moments().Draw(t, "until")}}})
		}
		return c
	})
}

var (
	coordinates = regexp.MustCompile(` (?:x|y|x1|y1|x2|y2|dx|width|height)="([^"]*)"`)
	coordinate  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?%?$`)
	paths       = regexp.MustCompile(` d="([^"]*)"`)
	aPath       = regexp.MustCompile(`^(M-?[0-9.]+ -?[0-9.]+(h\.1)?(L-?[0-9.]+ -?[0-9.]+)*)+$`)
)

// Whatever is drawn, every coordinate is a number, and the picture is XML.
func TestCoordinatesAreFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := charts().Draw(t, "chart")
		svg := string(c.SVG()) + string(chart.Spark(lines().Draw(t, "spark"), numbers().Draw(t, "limit")))
		for _, m := range coordinates.FindAllStringSubmatch(svg, -1) {
			if !coordinate.MatchString(m[1]) {
				t.Fatalf("coordinate %q in %s", m[1], svg)
			}
		}
		for _, m := range paths.FindAllStringSubmatch(svg, -1) {
			if !aPath.MatchString(m[1]) {
				t.Fatalf("path %q in %s", m[1], svg)
			}
		}
		if err := xml.Unmarshal([]byte(c.SVG()), new(struct{})); err != nil {
			t.Fatalf("%v: %s", err, svg)
		}
		if words := c.Words(); strings.ContainsAny(words, "\x00\x1b\u202e") {
			t.Fatalf("hidden characters in %q", words)
		}
	})
}

// No point that is not a number, or outside of the time that is shown, is drawn; all others are.
func TestWhatIsDrawn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(numbers(), 1, 40).Draw(t, "values")
		want, before := 0, false
		var points []chart.Point
		for i, v := range values {
			points = append(points, chart.Point{At: noon.Add(time.Duration(i) * time.Second), Value: v})
			finite := !math.IsNaN(v) && !math.IsInf(v, 0)
			if finite && !before {
				want++
			}
			before = finite
		}
		c := chart.Chart{Every: time.Second, From: noon, To: noon.Add(time.Minute), Panels: []chart.Panel{{Limit: math.NaN(), Lines: []chart.Line{{Role: chart.Candidate, Points: points}}}}}
		got := 0
		for _, m := range paths.FindAllStringSubmatch(string(c.SVG()), -1) {
			got += strings.Count(m[1], "M")
		}
		if got != want {
			t.Fatalf("%d pieces of a curve, want %d: %v", got, want, values)
		}
	})
}

type labelText struct {
	X     string `xml:"x,attr"`
	Y     string `xml:"y,attr"`
	DX    string `xml:"dx,attr"`
	Class string `xml:"class,attr"`
	Text  string `xml:",chardata"`
}

// The labels of marks do not overlap, on a phone as on a wide screen, and none leaves the picture.
func TestLabelsDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chart.Chart{From: noon, To: noon.Add(time.Hour), Panels: []chart.Panel{{Limit: math.NaN()}}}
		for range rapid.IntRange(1, 12).Draw(t, "marks") {
			at := noon.Add(time.Duration(rapid.Int64Range(0, 3600).Draw(t, "at")) * time.Second)
			c.Marks = append(c.Marks, chart.Mark{Name: rapid.StringMatching(`[a-z ]{1,30}`).Draw(t, "name"), At: at})
		}
		var read struct {
			Texts []labelText `xml:"text"`
		}
		if err := xml.Unmarshal([]byte(c.SVG()), &read); err != nil {
			t.Fatal(err)
		}
		for _, width := range []float64{chart.Narrow, 2 * chart.Narrow} {
			type box struct {
				left, right float64
				text        labelText
			}
			var boxes []box
			for _, l := range read.Texts {
				if !strings.HasPrefix(l.Class, "label") {
					continue
				}
				x, _ := strconv.ParseFloat(strings.TrimSuffix(l.X, "%"), 64)
				dx, _ := strconv.ParseFloat(l.DX, 64)
				b := box{left: x/100*width + dx, text: l}
				long := 6 * float64(len(l.Text)) // as screens write small letters
				if strings.HasSuffix(l.Class, "end") {
					b.left -= long
				}
				if b.right = b.left + long; b.left < -1 || b.right > width+1 {
					t.Fatalf("%q leaves the picture: %v to %v", l.Text, b.left, b.right)
				}
				for _, o := range boxes {
					if o.text.Y == l.Y && b.left < o.right && o.left < b.right {
						t.Fatalf("%q and %q overlap at a width of %v", l.Text, o.text.Text, width)
					}
				}
				boxes = append(boxes, b)
			}
			if len(boxes) == 0 {
				t.Fatal("no labels")
			}
		}
	})
}

// Of many points few are drawn, and the extremes are among them.
func TestManyPointsKeepTheirExtremes(t *testing.T) {
	points := series(7200, func(i int) float64 {
		if i == 3333 {
			return 1
		}
		return 0.25 + 0.001*float64(i%7)
	})
	svg := string(chart.Chart{Every: 15 * time.Second, Panels: []chart.Panel{{Limit: math.NaN(), Lines: []chart.Line{{Role: chart.Candidate, Points: points}}}}}.SVG())
	d := paths.FindStringSubmatch(svg)[1]
	if n := strings.Count(d, "L"); n > 1000 || n < 200 {
		t.Errorf("%d points are drawn", n)
	}
	least := 1000.0
	for _, p := range regexp.MustCompile(`L[0-9.]+ ([0-9.]+)`).FindAllStringSubmatch(d, -1) {
		y, _ := strconv.ParseFloat(p[1], 64)
		least = min(least, y)
	}
	if least > 12 { // of 120 pixels, below the margin
		t.Errorf("the peak is at %v pixels from the top", least)
	}
}
