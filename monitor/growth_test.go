package monitor

import (
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

// Each rule of the Counter, told by what is said of pod c1. Intervals are 15 s.
func TestGrowth(t *testing.T) {
	for _, c := range []struct {
		name    string
		measure rules.Measure
		know    map[string]string
		feed    map[string]string
		n       int
		want    string
	}{
		{"newest less the newest before", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:110 35:125 50:125"}, 4, "- 10/0 15/0 0/0"},
		{"series of one pod are added up", requests(), nil,
			map[string]string{"requests{code=200,handler=a}": "5:100 20:110 35:125", "requests{code=200,handler=b}": "5:7 20:8 35:10"}, 3, "- 11/0 17/0"},
		{"scraped thrice in an interval", requests(), nil,
			map[string]string{"requests{code=200}": "1:10 6:20 11:30 16:40 21:50 26:60"}, 2, "20/0 30/0"},
		{"a scrape at the end belongs to the interval", requests(), nil,
			map[string]string{"requests{code=200}": "0:100 15:110 30:130"}, 3, "10/0 20/0 -"},
		{"a lost scrape is bridged", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:110 50:140 65:150"}, 5, "- 10/0 - 30/0 10/0"},
		{"a long gap starts anew", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 80:140 95:150"}, 7, "- - - - - - 10/0"},
		{"the longest gap that is bridged", requests(), nil,
			map[string]string{"requests{code=200}": "14:100 75:160"}, 5, "- - - - 60/0"},
		{"… and the shortest that is not", requests(), nil,
			map[string]string{"requests{code=200}": "0:100 75:160"}, 5, "- - - - -"},
		{"60 s scrapes", requests(), nil,
			map[string]string{"requests{code=200}": "7:100 67:160 127:220"}, 9, "- - - - 60/0 - - - 60/0"},
		{"a late sample counts with the next", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:110@40 35:125 50:140"}, 4, "- - 25/0 15/0"},
		{"a late first sample is where it begins", requests(), nil,
			map[string]string{"requests{code=200}": "14:100@30 29:110 44:120"}, 3, "- 10/0 10/0"},
		{"a new pod's first errors are not known to be new, late or not", failures(), nil,
			map[string]string{"requests": "14:100@30 29:110", "failures": "14:50@30 29:53"}, 2, "- 10/3"},
		{"a late first event counts with the next", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:120 50:130", "failures": "20:2@40 35:3 50:4"}, 4, "- 10/0 10/3 10/1"},

		{"a pod that answers slowly counts an interval later", requests(), nil,
			map[string]string{"requests{code=200}": "14:100@30 29:110@45 44:125@60 59:145@75"}, 5, "- - 10/0 15/0 20/0"},
		{"… and so do its first events", failures(), nil,
			map[string]string{"requests": "14:100@30 29:110@45 44:125@60 59:145@75", "failures": "44:3@60 59:5@75"}, 5, "- - 10/0 15/3 20/2"},
		{"… and its restart", failures(), nil,
			map[string]string{"requests": "14:100@30 29:110@45 44:8@60 59:20@75", "failures": "14:1@30 29:2@45 44:1@60 59:3@75"}, 5, "- - 10/1 8/1 12/2"},
		{"… once", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:110@33 35:125@48 50:145"}, 5, "- - 10/0 35/0 -"},

		{"a restart: growth is the new value", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:110 35:8 50:20"}, 4, "- 10/0 8/0 12/0"},
		{"a restart takes events along, fallen or not", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:8", "failures": "5:1 20:2 35:5"}, 3, "- 10/1 8/5"},
		{"events that fall alone count as nothing", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:120 50:130", "failures": "5:40 20:41 35:3 50:5"}, 4, "- 10/1 10/0 10/2"},
		{"opportunities of another kind that fall alone count as nothing", rules.Measure{Name: "kpi/orders", All: matchersOf("trials")}, nil,
			map[string]string{"requests": "5:100 20:110 35:120", "trials": "5:50 20:55 35:5"}, 3, "- 5/0 0/0"},
		{"events scraped elsewhere, after the restart was seen", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:8 50:20", "failures": "10:40 25:41 40:3 55:4"}, 4, "- 10/1 8/3 12/1"},
		{"a fall of the request counter by a hair is another replica", failures(), nil,
			map[string]string{"requests": "5:1000 20:1100 35:1098 50:1200", "failures": "5:40 20:42 35:41 50:44"}, 4, "- 100/2 0/0 100/2"},
		{"one handler that begins anew is no restart", requests(), nil,
			map[string]string{"requests{code=200,handler=a}": "5:1000 20:1100 35:1200", "requests{code=200,handler=b}": "5:20 20:30 35:1"}, 3, "- 110/0 100/0"},
		{"one that was away and begins anew is no restart either", requests(), nil,
			map[string]string{"requests{code=200,handler=a}": "5:100 20:110 35:120 50:130 65:140 80:150 95:160 110:170", "requests{code=200,handler=b}": "5:1000 20:1010 110:1"},
			8, "- 20/0 10/0 10/0 10/0 10/0 10/0 10/0"},
		{"after a restart a value goes on from where it is", revenue(), nil,
			map[string]string{"requests": "5:100 20:110 35:8 50:9", "sums": "5:90 20:100 35:95 50:96", "squares": "35:1 50:2"}, 4, "- 10/10 8/95/1 1/1/1"},
		{"… as with a restart that was seen elsewhere", revenue(), nil,
			map[string]string{"requests": "5:100 20:110 35:8 50:9", "sums": "10:90 25:100 40:95 55:96", "squares": "40:1 55:2"}, 4, "- 10/10 8/95/1 1/1/1"},
		{"reset twice in one interval", requests(), nil,
			map[string]string{"requests{code=200}": "1:100 6:5 11:3 14:4"}, 1, "9/0"},

		{"a new pod's first sample is left out", failures(), nil,
			map[string]string{"requests": "20:300 35:310", "failures": "20:7 35:8"}, 3, "- - 10/1"},
		{"first events of a known pod grew from 0", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:120", "failures": "20:2 35:3"}, 3, "- 10/2 10/1"},
		{"first events that are requests as well grew from 0 in both", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:100 35:100", "requests{code=500}": "20:30 35:70"}, 3, "- 30/30 40/40"},
		{"a new handler of a known pod has no growth yet", requests(), nil,
			map[string]string{"requests{code=200,handler=a}": "5:100 20:110 35:120", "requests{code=200,handler=b}": "20:30 35:31"}, 3, "- 10/0 11/0"},
		{"first events after a restart", failures(), nil,
			map[string]string{"requests": "5:100 20:110 35:8", "failures": "35:5"}, 3, "- 10/0 8/5"},
		{"no more events than opportunities", failures(), nil,
			map[string]string{"requests": "5:100 20:101 35:102", "failures": "20:40 35:41"}, 3, "- 1/1 1/1"},
		{"events of a pod that was away long: nobody knows", failures(), nil,
			map[string]string{"requests": "5:100 100:200 115:220", "failures": "100:50 115:51"}, 8, "- - - - - - - 20/1"},
		{"… nor where its next scrapes are in the same interval", failures(), nil,
			map[string]string{"requests": "5:100 91:200 96:210 101:220", "failures": "91:50 96:51"}, 7, "- - - - - - 20/1"},
		{"400 old errors of an exporter that expires idle series", failures(), nil,
			map[string]string{"requests": "5:1000 20:1010 35:1020 50:1030 65:1040 80:1050 95:1060 110:1070 125:1080 140:1090",
				"failures": "5:399 20:400 125:401 140:401"}, 10, "- 10/1 10/0 10/0 10/0 10/0 10/0 10/0 10/1 10/0"},
		{"… that comes back lower", failures(), nil,
			map[string]string{"requests": "5:1000 20:1010 35:1020 50:1030 65:1040 80:1050 95:1060 110:1070 125:1080 140:1090",
				"failures": "5:399 20:400 125:1 140:3"}, 10, "- 10/1 10/0 10/0 10/0 10/0 10/0 10/0 10/0 10/2"},
		{"… whose pod restarted meanwhile", failures(), nil,
			map[string]string{"requests": "5:1000 20:1010 35:1020 50:30 65:40 80:50 95:60 110:70 125:80 140:90",
				"failures": "5:1 20:2 125:6 140:7"}, 10, "- 10/1 10/0 30/0 10/0 10/0 10/0 10/0 10/6 10/1"},
		{"… that was there before the watching began", failures(), map[string]string{"failures": "0:400", "requests": "0:990"},
			map[string]string{"requests": "5:1000 20:1010 35:1020 50:1030", "failures": "35:401 50:402"}, 4, "- 10/0 10/1 10/1"},
		{"known requests do not grow by themselves", requests(), map[string]string{"requests{code=200}": "0:990"},
			map[string]string{"requests{code=200}": "5:1000 20:1010"}, 2, "- 10/0"},
		{"a restart since the watching began", failures(), map[string]string{"failures": "0:400", "requests": "0:990"},
			map[string]string{"requests": "5:3 20:10 35:20", "failures": "20:4 35:5"}, 3, "- 7/4 10/1"},

		{"a mean has values and squares, and no limit", revenue(), nil,
			map[string]string{"requests": "5:10 20:20 35:30", "sums": "5:100 20:300 35:310", "squares": "5:1000 20:9000 35:9100"}, 3, "- 10/200/8000 10/10/100"},
		{"not a number", requests(), nil,
			map[string]string{"requests{code=200}": "5:100 20:NaN 35:120 50:+Inf 65:-1"}, 5, "- - 20/0 - -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{c.measure}, release)
			for name, text := range c.know {
				counter.Know(&model.SampleStream{Metric: metric(name), Values: []model.SamplePair{arrivals(text)[0].SamplePair}})
			}
			expect(t, said(follow(counter, c.feed, c.n), c.measure.Name, "c1"), c.want)
		})
	}
}

// What comes from the time before an interval that nobody closed is left out.
func TestSkippedIntervals(t *testing.T) {
	for failed, want := range map[string]string{"20:1 35:3 50:6 65:10": "10/1 40/4", "35:3 50:6 65:10": "10/0 40/4", "65:10": "10/0 40/10"} {
		c := NewCounter(ranker(), []rules.Measure{failures()}, release)
		add(c, "requests", "5:100 20:110 35:130 50:160 65:200")
		add(c, "failures", failed)
		expect(t, said([]Interval{c.Close(end(2)), c.Close(end(5))}, analysis.Requests, "c1"), want)
	}
}

func TestKnowChangesNothingWhereThereAreSamples(t *testing.T) {
	c := NewCounter(ranker(), []rules.Measure{failures()}, release)
	know := func(second float64, v model.SampleValue) {
		c.Know(&model.SampleStream{Metric: metric("failures"), Values: []model.SamplePair{{Timestamp: at(second), Value: v}}})
	}
	add(c, "requests", "5:100 20:110 35:120")
	add(c, "failures", "20:8")
	know(22, 8)
	got := []Interval{c.Close(end(1)), c.Close(end(2))}
	know(31, 5)
	add(c, "failures", "35:9")
	expect(t, said(append(got, c.Close(end(3))), analysis.Requests, "c1"), "- 10/8 10/1")
}

func add(c *Counter, name, samples string) {
	s := &model.SampleStream{Metric: metric(name)}
	for _, a := range arrivals(samples) {
		s.Values = append(s.Values, a.SamplePair)
	}
	c.Add(s)
}
