package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/chart"
	"github.com/autorollback/autorollback/runbook"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// series has a point each 15 s.
func series(n int, f func(i int) float64) []chart.Point {
	var out []chart.Point
	for i := range n {
		out = append(out, chart.Point{At: noon.Add(time.Duration(i) * 15 * time.Second), Value: f(i)})
	}
	return out
}

func incident() chart.Chart {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	stable := func(i int) float64 { return 0.210 + 0.01*math.Sin(float64(i)/3) }
	return chart.Chart{
		Title: "P95 latency 30% above stable over 5m", Every: 15 * time.Second,
		Panels: []chart.Panel{
			{
				Name: "P95 latency, over 5 m", Limit: math.NaN(), Format: runbook.Seconds,
				Lines: []chart.Line{
					{Name: "candidate v2", Role: chart.Candidate, Points: series(80, func(i int) float64 {
						return stable(i) * (1 + 0.6/(1+math.Exp(float64(40-i)/3)))
					})},
					{Name: "stable v1", Role: chart.Stable, Points: series(120, stable)},
					{Name: "limit: 30 % above stable", Role: chart.Limit, Points: series(120, func(i int) float64 { return 1.3 * stable(i) })},
				},
			},
			{
				Name: "significance (1 is proved)", Limit: 1, LimitName: "proved", Top: 2,
				Lines: []chart.Line{{Name: "significance", Role: chart.Significance, Points: series(80, func(i int) float64 {
					return math.Exp(float64(i-50) / 6)
				})}},
			},
		},
		Marks: []chart.Mark{
			{Name: "harm began", At: at(540), Until: at(600)}, {Name: "alert", At: at(1100)}, {Name: "decided", At: at(1101)},
			{Name: "moved", At: at(1102)}, {Name: "drained", At: at(1190)}, {Name: "recovered", At: at(1700)},
		},
	}
}

func gameday() chart.Chart {
	c := chart.Chart{Title: "Game day: broken encoder", Zero: noon, From: noon.Add(-10 * time.Second), Every: time.Second}
	var failed, share []chart.Point
	for i := -10; i < 50; i++ {
		at := noon.Add(time.Duration(i) * time.Second)
		v, w := 0.01, 0.25
		if i > 0 && i < 30 {
			v = 0.2
		}
		if i > 20 {
			w = 0
		}
		failed, share = append(failed, chart.Point{At: at, Value: v}), append(share, chart.Point{At: at, Value: w})
	}
	c.Panels = []chart.Panel{
		{Name: "requests that failed users", Limit: math.NaN(), Format: runbook.Percent, Lines: []chart.Line{{Name: "all versions", Role: chart.Total, Points: failed}}},
		{Name: "share of the traffic", Limit: math.NaN(), Format: runbook.Percent, Lines: []chart.Line{{Name: "candidate", Role: chart.Candidate, Points: share}}},
	}
	c.Marks = []chart.Mark{{Name: "broke", At: noon}, {Name: "detected", At: noon.Add(12 * time.Second)}, {Name: "acted", At: noon.Add(13 * time.Second)}, {Name: "recovered", At: noon.Add(48 * time.Second)}}
	c.Strips = []chart.Strip{{Name: "fired", Spans: []chart.Span{{Name: "alert", At: noon.Add(9 * time.Second), Until: noon.Add(28 * time.Second), Tone: chart.Bad}}}}
	return c
}

const hostile = "</text><script>alert(1)</script>\u202e\x00\x1b[2J\xff\"' ]]> <!-- v2 & a name that is much longer than any phone is wide, by far"

func hostileNames() chart.Chart {
	c := incident()
	c.Title = hostile
	for i := range c.Panels {
		c.Panels[i].Name, c.Panels[i].LimitName = hostile, hostile
		c.Panels[i].Format = func(float64) string { return hostile }
		for k := range c.Panels[i].Lines {
			c.Panels[i].Lines[k].Name = hostile
			c.Panels[i].Lines[k].Role = chart.Role(`x" onload="alert(1)`)
		}
	}
	for i := range c.Marks {
		c.Marks[i].Name = hostile
	}
	c.Strips = []chart.Strip{{Name: hostile, Spans: []chart.Span{{Name: hostile, At: noon, Tone: `"><x`}}}}
	return c
}

func mismatches() chart.Rows {
	return chart.Rows{Title: "mismatch", Format: runbook.Percent, Rows: []chart.Row{
		{Name: "$.score", Label: "12 % against 3 %", Bad: true, Low: 0.05, High: 0.14,
			Dots: []chart.Bar{{Name: "noise", Role: chart.Stable, Value: 0.03}, {Name: "candidate", Role: chart.Candidate, Value: 0.12}}},
		{Name: hostile, Label: hostile, Bars: []chart.Bar{{Name: hostile, Role: "x", Value: 0.02}, {Value: math.NaN()}}},
	}}
}

func drift() chart.Heat {
	h := chart.Heat{Title: "drift"}
	row := chart.HeatRow{Name: hostile}
	for i := range 24 {
		h.Columns = append(h.Columns, fmt.Sprintf("%02d", i))
		row.Tiles = append(row.Tiles, chart.Tile{Column: i, Shade: i%8 - 1, Marked: i == 7, Name: hostile})
	}
	h.Rows = []chart.HeatRow{row, {Name: "none", Tiles: []chart.Tile{{Column: 99}}}}
	return h
}

func TestGolden(t *testing.T) {
	empty := chart.Chart{Title: "no data yet", Panels: []chart.Panel{{Name: "error rate", Limit: 0.05, Format: runbook.Percent}}}
	for name, got := range map[string]string{
		"incident.svg": string(incident().SVG()), "gameday.svg": string(gameday().File()),
		"hostile.svg": string(hostileNames().SVG()), "empty.svg": string(empty.SVG()),
		"rows.svg": string(mismatches().SVG()), "heat.svg": string(drift().SVG()),
		"spark.svg": string(chart.Spark(incident().Panels[0].Lines[0], 0.3)),
		"words.txt": incident().Words() + "\n\n" + gameday().Words() + "\n\n" + empty.Words() + "\n\n" + mismatches().Words() + "\n\n" + drift().Words() + "\n",
	} {
		golden(t, name, got)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs (go test ./chart -update writes it):\n%s", name, got)
	}
}

// A picture is XML, and of elements and attributes that a strict policy lets pass.
func TestWellFormed(t *testing.T) {
	for name, svg := range map[string]string{
		"incident": string(incident().SVG()), "gameday": string(gameday().SVG()), "hostile": string(hostileNames().SVG()),
		"rows": string(mismatches().SVG()), "heat": string(drift().SVG()),
		"spark": string(chart.Spark(chart.Line{Name: hostile, Role: hostile}, 1)), "file": string(hostileNames().File()),
	} {
		allowed := "svg title desc text line path rect circle"
		if name == "file" {
			allowed += " style"
		}
		read := xml.NewDecoder(strings.NewReader(svg))
		for {
			token, err := read.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if !strings.Contains(" "+allowed+" ", " "+e.Name.Local+" ") {
				t.Errorf("%s has an element %s", name, e.Name.Local)
			}
			for _, a := range e.Attr {
				if a.Name.Local == "style" || strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
					t.Errorf("%s: <%s> has %s", name, e.Name.Local, a.Name.Local)
				}
			}
		}
		if strings.Contains(svg, "\u202e") {
			t.Errorf("%s turns the direction of writing", name)
		}
	}
}

func TestWordsSayWhenItWasPastTheLimit(t *testing.T) {
	words := incident().Words()
	for _, want := range []string{
		"candidate v2 210 ms at 12:00:00", "past the limit from 12:10:15 to 12:19:45", "harm began between 12:09:00 and 12:10:00", "moved 12:18:22", "2026-11-29, UTC",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is not in: %s", want, words)
		}
	}
	calm := incident()
	calm.Panels[0].Lines[0].Points = calm.Panels[0].Lines[0].Points[:20]
	if words := calm.Words(); !strings.Contains(words, "never past the limit") {
		t.Errorf("a calm candidate: %s", words)
	}
	floor := chart.Panel{Name: "kpi", Limit: 0.5, Floor: true, Lines: []chart.Line{{Role: chart.Candidate, Points: series(4, func(i int) float64 { return 0.6 - float64(i)*0.1 })}}}
	if words := (chart.Chart{Panels: []chart.Panel{floor}}).Words(); !strings.Contains(words, "past the limit from 12:00:30 to 12:00:45") {
		t.Errorf("below a floor: %s", words)
	}
}
