package diff

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/shadow"
)

const v2Answer = `{"id":"%s","model_name":"m","model_version":"%s","outputs":[{"name":"score","shape":[1,2],"datatype":"FP32","data":[[%s]]}]}`

func v2(id, version, data string) string { return fmt.Sprintf(v2Answer, id, version, data) }

func TestWalk(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		name string
		plan []shadow.FieldRule
		a, b string
		want string // "path kind" of every difference
	}{
		{name: "equal", a: `{"x":[1,"a",true,null,{}]}`, b: `{ "x" : [1, "a", true, null, {}] }`},
		{name: "numbers written otherwise", a: `[1.0,1e2,-0]`, b: `[1,100,0]`},
		{name: "within the default", a: `[0.1, 1000.5]`, b: `[0.1000005, 1000.505]`},
		{name: "beyond the default", a: `[0.5]`, b: `[0.50002]`, want: "[*] value"},
		{name: "whole numbers may be names", a: `{"id":1000001}`, b: `{"id":1000002}`, want: "id value"},
		{name: "whole numbers with a tolerance", plan: []shadow.FieldRule{{Path: "id", Relative: f(.01)}}, a: `{"id":1000001}`, b: `{"id":1000002}`},
		{name: "longer than a float can tell", a: `[9007199254740993]`, b: `[9007199254740992]`, want: "[*] value"},
		{name: "longer than 64 bits", a: `[99999999999999999999990]`, b: `[99999999999999999999991]`, want: "[*] value"},
		{name: "beyond all floats", a: `[1e999]`, b: `[-1e999]`, want: "[*] value"},
		{name: "absolute", plan: []shadow.FieldRule{{Path: "p[*].s", Absolute: f(.1)}}, a: `{"p":[{"s":0.5},{"s":0.5}]}`, b: `{"p":[{"s":0.59},{"s":0.41}]}`},
		{name: "absolute, just beyond", plan: []shadow.FieldRule{{Path: "p[*].s", Absolute: f(.1)}}, a: `{"p":[{"s":0.5}]}`, b: `{"p":[{"s":0.61}]}`, want: "p[*].s value"},
		{name: "relative", plan: []shadow.FieldRule{{Path: "**.s", Relative: f(.1)}}, a: `{"p":[{"s":-100.5}]}`, b: `{"p":[{"s":-110.5}]}`},
		{name: "exact", plan: []shadow.FieldRule{{Path: "s", Compare: shadow.ByExact}}, a: `{"s":0.1}`, b: `{"s":0.1000000001}`, want: "s value"},
		{name: "ignore", plan: []shadow.FieldRule{{Path: "*.at", Compare: shadow.ByIgnore}}, a: `{"m":{"at":1,"x":1}}`, b: `{"m":{"x":1}}`},
		{name: "the first rule counts", plan: []shadow.FieldRule{{Path: "a", Compare: shadow.ByIgnore}, {Path: "**", Compare: shadow.ByExact}}, a: `{"a":1,"b":2}`, b: `{"a":2,"b":3}`, want: "b value"},
		{name: "missing and extra", a: `{"a":1,"b":2}`, b: `{"b":2,"c":3}`, want: "a missing, c extra"},
		{name: "another type", a: `{"a":1,"b":"x","c":[]}`, b: `{"a":"1","b":"x","c":{}}`, want: "a type, c type"},
		{name: "null is a value", a: `{"a":1}`, b: `{"a":null}`, want: "a value"},
		{name: "a shorter list", a: `[1,2,3]`, b: `[1,2]`, want: "length() value"},
		{name: "odd keys", a: `{"a.b":{"c d":1}}`, b: `{"a.b":{"c d":2}}`, want: `["a.b"]["c d"] value`},
		{name: "a rule for odd keys", plan: []shadow.FieldRule{{Path: `["a.b"].c`, Compare: shadow.ByIgnore}}, a: `{"a.b":{"c":1}}`, b: `{"a.b":{"c":2}}`},
		{name: "set", plan: []shadow.FieldRule{{Path: "t", Compare: shadow.BySet}}, a: `{"t":["a",1,2.0]}`, b: `{"t":[2,"a",1.0]}`},
		{name: "set with one twice", plan: []shadow.FieldRule{{Path: "t", Compare: shadow.BySet}}, a: `{"t":["a","a","b"]}`, b: `{"t":["a","b","b"]}`, want: "t value"},
		{name: "top_k of labels", plan: []shadow.FieldRule{{Path: "t", Compare: shadow.ByTopK, K: 2}}, a: `{"t":["a","b","c"]}`, b: `{"t":["b","a","d"]}`},
		{name: "top_k of numbers", plan: []shadow.FieldRule{{Path: "t", Compare: shadow.ByTopK, K: 2}}, a: `{"t":[0.1,0.9,0.8]}`, b: `{"t":[0.7,0.8,0.75]}`},
		{name: "top_k differs", plan: []shadow.FieldRule{{Path: "t", Compare: shadow.ByTopK, K: 2}}, a: `{"t":[0.1,0.9,0.8]}`, b: `{"t":[0.85,0.9,0.8]}`, want: "t value"},
		{name: "class", plan: []shadow.FieldRule{{Path: "predictions[*]", Compare: shadow.ByClass}}, a: `{"predictions":[[0.1,0.9],[0.6,0.4]]}`, b: `{"predictions":[[0.4,0.6],[0.9,0.1]]}`},
		{name: "class flips", plan: []shadow.FieldRule{{Path: "predictions[*]", Compare: shadow.ByClass}}, a: `{"predictions":[[0.1,0.9]]}`, b: `{"predictions":[[0.6,0.4]]}`, want: "predictions[*] value"},
		{name: "class of labels", plan: []shadow.FieldRule{{Path: "l", Compare: shadow.ByClass}}, a: `{"l":"cat"}`, b: `{"l":"dog"}`, want: "l value"},
		{name: "version 2: nesting and version are nothing", a: v2("1", "1", "[0.5,0.5]"), b: v2("2", "7", "0.5,0.5")},
		{name: "version 2: an element", a: v2("1", "1", "0.5,0.5"), b: v2("1", "1", "0.5,0.6"), want: "outputs.score[*] value"},
		{name: "version 2: rows of classes", plan: []shadow.FieldRule{{Path: "outputs.score", Compare: shadow.ByClass}}, a: v2("1", "1", "0.5,0.6"), b: v2("1", "1", "0.6,0.5"), want: "outputs.score value"},
		{name: "version 2: shape and type", a: v2("1", "1", "0.5,0.6"), b: strings.NewReplacer("[1,2]", "[2,1]", "FP32", "FP64").Replace(v2("1", "1", "0.5,0.6")), want: "outputs.score.datatype value, outputs.score.shape value"},
		{name: "version 2: another tensor", a: v2("1", "1", "0.5"), b: strings.Replace(v2("1", "1", "0.5"), "score", "skore", 1), want: "outputs.score missing, outputs.skore extra"},
		{name: "no JSON", a: `hello`, b: `hallo`, want: "(body) value"},
		{name: "no JSON any more", a: `{"a":1}`, b: `<html>`, want: "(body) type"},
		{name: "no body any more", a: `{"a":1}`, b: ``, want: "(body) value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := shadow.DefaultPlan()
			plan.Fields = c.plan
			got := differences(plan, c.a, c.b, false)
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			if noise := differences(plan, c.a, c.b, true); noise != c.want {
				t.Errorf("as noise %q, want %q", noise, c.want)
			}
		})
	}
}

func differences(plan shadow.Plan, a, b string, noise bool) string {
	w := comparator{fields: newFields(plan), pair: 1, noise: noise}
	w.compare(w.fields.root, shadow.DecodeBody(shadow.Body(a)), shadow.DecodeBody(shadow.Body(b)))
	var out []string
	for _, f := range w.touched {
		d := f.seen.raw
		if noise {
			d = f.seen.noise
		}
		if d != 0 {
			out = append(out, f.path+" "+d.word())
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// A hostile body cannot make the tree of fields grow without end.
func TestFieldsAreBounded(t *testing.T) {
	plan := shadow.DefaultPlan()
	plan.MaxFields = 50
	w := comparator{fields: newFields(plan)}
	for i := range 1000 {
		w.pair++
		v := shadow.DecodeBody(shadow.Body(fmt.Sprintf(`{"k%d":{"x":{"y":%d}},"list":%s}`, i, i, strings.Repeat("[", 200)+strings.Repeat("]", 200))))
		w.compare(w.fields.root, v, v)
	}
	if n := len(w.fields.list); n > plan.MaxFields+1 {
		t.Errorf("%d fields", n)
	}
}

func TestFlipsAreBounded(t *testing.T) {
	var f confusion
	for i := range 1000 {
		f.add([]string{fmt.Sprint(i)}, []string{"a"})
	}
	labels, counts := f.matrix()
	var sum int64
	for _, row := range counts {
		for _, n := range row {
			sum += n
		}
	}
	if len(labels) > maxClasses+1 || sum != 1000 || f.n != 1000 {
		t.Errorf("%d labels, %d counted", len(labels), sum)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add(`{"a":[1,2]}`, `{"a":[1,"2"]}`)
	f.Add(v2("1", "1", "0.5,0.6"), v2("1", "1", "0.5"))
	f.Add(`1e999`, `-1e999`)
	plan := shadow.DefaultPlan()
	plan.Fields = []shadow.FieldRule{{Path: "a", Compare: shadow.ByClass}, {Path: "b", Compare: shadow.BySet}, {Path: "c", Compare: shadow.ByTopK, K: 3}}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := differences(plan, a, a, false); got != "" {
			t.Errorf("%q differs from itself: %s", a, got)
		}
		if (differences(plan, a, b, false) == "") != (differences(plan, a, b, true) == "") {
			t.Error("noise is told otherwise than mismatch")
		}
		r := mustCompare(plan, func(yield func(shadow.Pair, error) bool) {
			yield(shadow.Pair{ID: "1", Stable: shadow.Answer{Body: shadow.Body(a)}, Candidate: shadow.Answer{Body: shadow.Body(b)}, Again: &shadow.Answer{Body: shadow.Body(a)}}, nil)
		})
		if _, err := r.Gate(); err != nil {
			t.Error(err)
		}
	})
}
