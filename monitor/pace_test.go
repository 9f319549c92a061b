package monitor

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

func TestPace(t *testing.T) {
	const steady = "5:0 20:150 35:300 50:450 65:600 80:750 95:900"
	for _, c := range []struct {
		name string
		feed map[string]string
		n    int
		want string // of the last interval: pods with their pace, and whether it is paced
	}{
		{"both sides", map[string]string{"requests": steady, "requests{pod=s1,version=v1}": steady}, 3, "c1:150 s1:150 true"},
		{"the time between scrapes is not the interval", map[string]string{"requests": "5:0 25:100"}, 2, "c1:75 true"},
		{"a scrape was lost", map[string]string{"requests": "5:0 20:150 50:450", "requests{pod=s1,version=v1}": steady}, 4, "c1:150 s1:150 true"},
		{"one is lost now", map[string]string{"requests": "5:0 20:150", "requests{pod=s1,version=v1}": steady}, 3, "c1:150 s1:150 true"},
		{"handlers", map[string]string{"requests{h=a}": steady, "requests{h=b}": "5:0 20:15 35:45"}, 3, "c1:180 true"},
		{"a restart", map[string]string{"requests": "5:1000 20:30"}, 2, "c1:30 true"},
		{"another replica", map[string]string{"requests": "5:1000 20:999"}, 2, "c1:0 true"},
		{"a pod of stable is new", map[string]string{"requests": steady, "requests{pod=s1,version=v1}": "35:5"}, 3, "c1:150 false"},
		{"a pod of stable is lost", map[string]string{"requests": steady, "requests{pod=s1,version=v1}": "5:0 20:150"}, 6, "c1:150 false"},
		{"one of the candidate's is lost", map[string]string{"requests": "5:0 20:1", "requests{pod=c2}": steady, "requests{pod=s1,version=v1}": steady}, 6, "c2:150 s1:150 false"},
		{"all of the candidate's are", map[string]string{"requests": "5:0 20:1", "requests{pod=s1,version=v1}": steady}, 6, "s1:150 true"},
		{"nobody was seen", nil, 3, "true"},
		{"scraped too seldom for a pace", map[string]string{"requests": "5:0 65:10", "requests{pod=s1,version=v1}": "5:0 65:10"}, 5, "true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{traffic()}, release)
			got := follow(counter, c.feed, c.n)[c.n-1]
			var words []string
			for _, p := range got.Counts[analysis.Traffic] {
				words = append(words, fmt.Sprintf("%s:%v", p.Pod, p.All))
			}
			expect(t, strings.Join(append(words, fmt.Sprint(got.Paced)), " "), c.want)
		})
	}
}

// A pod is missed for ten minutes, and then it is gone.
func TestPaceOfAPodThatIsGone(t *testing.T) {
	counter := NewCounter(ranker(), []rules.Measure{traffic()}, release)
	add(counter, "requests{pod=s1,version=v1}", "5:0 20:150")
	for i := 1; i <= 50; i++ {
		add(counter, "requests", fmt.Sprintf("%d:%d", 15*i-5, i))
		// The last two scrapes are in the last minute, and the last one in ten.
		want := i == 2 || i == 3 || i == 4 || 15*i >= 20+600
		if i == 1 {
			want = true // the candidate has no pace yet either
		}
		if got := counter.Close(end(i)).Paced; got != want {
			t.Errorf("after %d s: paced %v", 15*i, got)
		}
	}
}

// When what is known was scraped, nobody knows.
func TestPaceOfWhatIsKnown(t *testing.T) {
	counter := NewCounter(ranker(), []rules.Measure{traffic()}, release)
	for _, name := range []string{"requests", "requests{pod=s1,version=v1}"} {
		counter.Know(&model.SampleStream{Metric: metric(name), Values: []model.SamplePair{{Timestamp: at(0), Value: 100}}})
	}
	got := follow(counter, map[string]string{"requests": "5:150 20:300"}, 2)
	for i, want := range []string{"[] true", "[{c1 candidate 150 0 0 [] [] [] {0 0} []}] true"} {
		expect(t, fmt.Sprint(got[i].Counts[analysis.Traffic], got[i].Paced), want)
	}
}

func TestNobodyAsksForTheTraffic(t *testing.T) {
	counter := NewCounter(ranker(), []rules.Measure{requests()}, release)
	in := follow(counter, map[string]string{"requests": "5:0 20:150", "requests{pod=s1}": "20:150"}, 2)[1]
	if len(in.Counts[analysis.Traffic]) > 0 || !in.Paced {
		t.Error(in)
	}
}
