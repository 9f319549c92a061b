package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// What only the timeline of an older version knew is in fields once it is read.
func TestIncidentsOfOlderVersions(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	old := Incident{ID: "inc-1", Messages: 4, Approval: "a1", ActedAt: at, Timeline: []Record{
		{At: at, Kind: "unconfirmed"}, {At: at, Kind: "told"}, {At: at.Add(time.Minute), Kind: "told"},
		{At: at.Add(2 * time.Minute), Kind: "rejected"}, {At: at.Add(3 * time.Minute), Kind: "not_applied"},
	}}
	text, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	var got Incident
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := old
	want.ToldAt, want.RejectedAt, want.NotAppliedAt = at, at.Add(2*time.Minute), at.Add(3*time.Minute)
	want.Firing = []Alarm{{"approval", true}, {"acted", false}, {"opened", true}, {"rejected", false}, {"not_applied", true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwant %+v", got, want)
	}
}

// An incident of this version reads as it was written.
func TestIncidentRoundTrip(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	i := Incident{ID: "inc-1", Messages: 1, RejectedAt: at, Firing: []Alarm{{"held", true}}, Timeline: []Record{{At: at.Add(time.Hour), Kind: "rejected"}, {At: at, Kind: "decided"}}}
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	var got Incident
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, i) {
		t.Errorf("read %+v, %v\nwant %+v", got, err, i)
	}
}

// An incident that was open while the daemon was upgraded still says who reported it.
func TestSourceWasCalledLane(t *testing.T) {
	var i Incident
	old := `{"id":"inc-1","lane":"webhook","lanes":["webhook","watcher"],"alerts":[{"trigger":"errors","lane":"webhook"}]}`
	if err := json.Unmarshal([]byte(old), &i); err != nil {
		t.Fatal(err)
	}
	if i.ID != "inc-1" || i.Source != Webhook || len(i.Sources) != 2 || i.Alerts[0].Source != Webhook || i.Alerts[0].Trigger != "errors" {
		t.Errorf("reads %+v", i)
	}
	text, err := json.Marshal(i)
	if err != nil || strings.Contains(string(text), "lane") {
		t.Errorf("writes %s, %v", text, err)
	}
}
