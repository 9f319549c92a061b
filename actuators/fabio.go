package actuators

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// fabio is the text of fabio's registry.consul.kvpath: commands, in every key that begins with
// it, in the order of the keys. A backend is the instances of the service that have its name
// as a tag. Ours is one key that sorts last,
//
//	# rest: v1
//	route weight ranker /predict weight 0.05 tags "v2"
//
// and with 0 % it says route del ranker tags "v2", which means the same in every version of
// fabio, as weight 0 does not.
type fabio struct {
	root, service string
	sources       []string
}

const (
	// restMark is what fabio has no command for: who gets what no line gives away.
	restMark = "# rest: "
	// fabioHead tells a human what the key is.
	fabioHead = "# autorollback writes the lines about this service; others stay"
	// fabioRounding is more than weights that sum to 1 lose as floats.
	fabioRounding = 1e-9
)

// tagText is a tag that can stand in a command, alone.
var tagText = regexp.MustCompile(`^[^\s",]+$`)

func openFabio(r runbook.Routing) (codec, error) {
	f := fabio{root: cmp.Or(r.Root, "fabio/config"), service: r.Service, sources: r.Sources}
	if strings.Contains(r.Service, "/") {
		return nil, fmt.Errorf("read routing.service %q: a service's name has no slash", r.Service)
	}
	if err := sound("routing.service", r.Service); err != nil {
		return nil, err
	}
	if err := sound("routing.root", f.root); err != nil {
		return nil, err
	}
	if len(f.sources) == 0 {
		return nil, fmt.Errorf("read routing.sources: there is none; name what stands behind urlprefix- in the instances' tags")
	}
	if strings.HasPrefix(r.Flags, f.root) {
		return nil, fmt.Errorf("read routing.flags %q: fabio reads every key that begins with %q as its configuration; choose another prefix",
			r.Flags, f.root)
	}
	return f, nil
}

func (f fabio) key() string { return f.root + "/zz-autorollback-" + f.service }

func (f fabio) prefix() string { return f.root }

func (f fabio) weights() string { return f.key() }

func (f fabio) weightKey() string { return f.key() }

func (f fabio) decode(snap store.Snapshot) (record.Split, error) {
	shares, err := f.read(snap).split()
	if err != nil {
		return nil, err
	}
	return record.Shares(shares), nil
}

// writes rewrites our lines, checks every other key that is about the service, and reads
// back what the whole would mean: a line of somebody else's may stand against it.
func (f fabio) writes(snap store.Snapshot, to record.Split) (record.Split, []write, error) {
	for name := range to {
		if !tagText.MatchString(name) {
			return nil, nil, fmt.Errorf("plan %s: %q is no tag of an instance; a tag has no space, comma and quote", f.key(), name)
		}
	}
	now := f.read(snap)
	from := record.Split{}
	if shares, err := now.split(); err == nil {
		from = record.Shares(shares)
	}
	old, _ := snap.Get(f.key())
	writes := []write{{key: f.key(), from: string(old.Value), to: f.text(old, now.tags(), to), index: old.Index}}
	for _, key := range slices.Sorted(maps.Keys(now.touched)) {
		if e, there := snap.Get(key); there && key != f.key() {
			writes = append(writes, write{key: key, from: string(e.Value), to: string(e.Value), index: e.Index})
		}
	}
	after, err := f.read(replaced(snap, f.key(), writes[0].to)).split()
	if err != nil {
		return nil, nil, fmt.Errorf("plan %s: somebody else's line prevents it: %w", f.key(), err)
	}
	if got := record.Shares(after); !got.Equal(to) {
		return nil, nil, fmt.Errorf("plan %s: with the lines of other keys it would mean %v and not %v; delete what the keys %q say of %s", f.key(), got, to, slices.Sorted(maps.Keys(now.touched)), f.service)
	}
	return from, writes, nil
}

// text is our key's content for the split. The greatest share is the rest, so that no line
// weighs instances that may all be gone.
func (f fabio) text(old store.Entry, known []string, to record.Split) string {
	rest := slices.MaxFunc(slices.Sorted(maps.Keys(to)), func(a, b string) int { return cmp.Compare(to[a], to[b]) })
	lines := append(f.others(old), fabioHead, restMark+rest)
	names := append(slices.Collect(maps.Keys(to)), known...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		switch {
		case name == rest:
		case to[name] == 0:
			lines = append(lines, fmt.Sprintf("route del %s tags %q", f.service, name))
		default:
			part := strconv.FormatFloat(float64(to[name].Hundredths())/1e4, 'f', -1, 64)
			for _, source := range f.sources {
				lines = append(lines, fmt.Sprintf("route weight %s %s weight %s tags %q", f.service, source, part, name))
			}
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// others are the lines of our key that are not ours: they stay, in front.
func (f fabio) others(old store.Entry) []string {
	all, _, bad := parseCommands(old)
	drop := map[int]bool{}
	for _, c := range all {
		drop[c.line] = f.concerns(c)
	}
	for _, b := range bad {
		drop[b.line] = true
	}
	var lines []string
	for n, line := range strings.Split(string(old.Value), "\n") {
		text := strings.TrimSpace(line)
		if text != "" && text != fabioHead && !strings.HasPrefix(text, restMark) && !drop[n+1] {
			lines = append(lines, text)
		}
	}
	return lines
}

// restOf is the last tag that a comment names.
func restOf(comments []string) (tag string) {
	for _, text := range comments {
		if name, ok := strings.CutPrefix(text, restMark); ok && tagText.MatchString(strings.TrimSpace(name)) {
			tag = strings.TrimSpace(name)
		}
	}
	return tag
}

// replaced is the snapshot with another text at one key.
func replaced(snap store.Snapshot, key, text string) store.Snapshot {
	entries := slices.DeleteFunc(slices.Clone(snap.Entries), func(e store.Entry) bool { return e.Key == key })
	entries = append(entries, store.Entry{Key: key, Value: []byte(text), Index: snap.Index})
	slices.SortFunc(entries, func(a, b store.Entry) int { return strings.Compare(a.Key, b.Key) })
	return store.Snapshot{Index: snap.Index, Entries: entries}
}

func (f fabio) mirroring(runbook.Mirroring) (mirrors, error) {
	return nil, fmt.Errorf("read routing.mirror: fabio copies no requests; leave it out")
}
