package report

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
)

// bucket is the beginning of an address that no reader makes a link of.
var bucket = regexp.MustCompile(`(?:s3|gs)://`)

// FuzzEscapeMarkdown reads the escaped text as CommonMark would and demands that what
// is left of it is plain: no unescaped markup, no tag, no entity but ours, no link.
func FuzzEscapeMarkdown(f *testing.F) {
	for _, s := range []string{hostile, `\`, `\|`, "- x", "1) x", "=", "a\u0085b\u2028c", "\xff\xfe", "&lt;script>", "`\n`", "@@x", "\t@x", "http://x", "HTTP://x", "WWW.x.y", "# x", "s3://bucket/a", "s3://a http://b", "https3://x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := escapeStart(escapeMarkdown(s))
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\t\x00") {
			t.Fatalf("%q is not one line of text", got)
		}
		for i := 0; i < len(got); i++ {
			switch c := got[i]; c {
			case '\\':
				i++ // the next one is literal
				if i == len(got) || !strings.ContainsRune("\\`*_[]|~#!$-+=.)", rune(got[i])) {
					t.Fatalf("%q: a backslash that escapes nothing", got)
				}
			case '`', '*', '_', '[', ']', '|', '~', '!', '$', '<', '>':
				t.Fatalf("%q: %c is not escaped", got, c)
			case '#':
				if i == 0 {
					t.Fatalf("%q begins a heading", got)
				}
			case '&':
				rest := got[i:]
				if !strings.HasPrefix(rest, "&lt;") && !strings.HasPrefix(rest, "&gt;") && !strings.HasPrefix(rest, "&amp;") {
					t.Fatalf("%q: an entity that is not ours", got)
				}
			}
		}
		if strings.Contains(bucket.ReplaceAllString(got, ""), "://") || strings.Contains(got, "www.") || strings.Contains(got, " @") || strings.HasPrefix(got, "@") {
			t.Fatalf("%q: a link or a mention", got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("%q: the hidden character %U", got, r)
			}
		}
	})
}

// People read the Markdown as it stands, in a terminal: what means nothing there is not escaped.
func TestMarkdownReadsAsText(t *testing.T) {
	var doc Doc
	doc.Line("- %s", "ask #ranking-oncall")
	doc.Line("- %s", "# no heading")
	doc.Line("| %s |", "s3://evidence/ranker")
	doc.Line("| %s |", "https://evil.example")
	doc.Line("## %s", "ends with #")
	want := "- ask #ranking-oncall\n- \\# no heading\n| s3://evidence/ranker |\n| https\\[:\\]//evil.example |\n## ends with \\#\n"
	if got := doc.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// Only what Prometheus was asked is PromQL, and has a link that asks it again.
func TestOnlyPromQLIsAskedAgain(t *testing.T) {
	inc := record.Incident{ID: "inc-1", Verdict: &record.Verdict{Answers: []record.Answer{
		{Question: "errors", Query: record.Query{Expr: "sum(rate(x[1m]))"}},
		{Question: "flags", Query: record.Query{Kind: record.AskedKV, Expr: "features/ranker/"}},
		{Question: "pairs", Query: record.Query{Kind: record.AskedHTTP, Expr: "POST http://10.0.0.1:8080/predict"}},
	}}}
	o := Options{Prometheus: "http://prometheus.example"}
	text, page := string(Markdown(inc, nil, o)), string(HTML(inc, nil, o))
	if strings.Count(text, "```promql\n") != 1 || !strings.Contains(text, "```promql\nsum(") || !strings.Contains(text, "```text\nfeatures/ranker/\n") {
		t.Errorf("the blocks are\n%s", text)
	}
	if n := strings.Count(page, "ask Prometheus again"); n != 1 || !strings.Contains(page, "features/ranker/") {
		t.Errorf("%d links ask Prometheus again", n)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s, 200)
		if strings.ContainsAny(got, "<>&\n\r") || strings.Contains(got, "://") || strings.Contains(got, "](") || strings.Contains(got, " @") {
			t.Fatalf("%q can be a tag, a mention or a link", got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("%q: the hidden character %U", got, r)
			}
		}
	})
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		odds(9.4):                          "12,088 : 1 against chance",
		odds(0):                            "",
		odds(1000):                         "more than 1,000,000,000,000 : 1 against chance",
		span(850 * time.Millisecond):       "850 ms",
		span(59950 * time.Millisecond):     "59.9 s",
		span(125 * time.Second):            "2 m 05 s",
		span(5 * time.Minute):              "5 m",
		span(63 * time.Minute):             "1 h 03 m",
		span(48 * time.Hour):               "48 h",
		offset(-2 * time.Second):           "−2 s",
		plain("<!channel> a@b @here", 100): "‹!channel› a@b ＠here",
		cut("abc→def", 8):                  "abc…",
		visible("a\u202eb\n c\u00a0d", 99): "a⟨U+202E⟩b  c d",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
