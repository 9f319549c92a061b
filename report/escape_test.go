package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extensionast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
)

// seeds are texts that are markup somewhere in Markdown.
var seeds = []string{
	hostile, `\`, `\|`, `a\*b`, `C:\temp\x`, "- x", "-", "---", "===", "1) x", "1.", "12. x", "=", "+ y", "a\u0085b\u2028c", "\xff\xfe", "&lt;script>", "&#35;", "R&D",
	"`\n`", "``x`", "@@x", "\t@x", "http://x", "HTTP://x", "WWW.x.y", "# x", "#", "x #", "x ##", "#1", "> q", "s3://bucket/a", "s3://a http://b", "https3://x",
	"[x]", "[x](y)", "[x][y]", "[x]: /y", "[ ] done", "[x] done", "![i](j)", "a*b*c", "* x", "2 * 3 * 4", "**b**", "_e_", "not_recovered", "a__b__c", "_ _ _", "* * *",
	"~s~", "~~s~~", "~5 m", "a | b", "$x$", "p95 < 5", "a<b>c", "<b", "<", "a < b", "5 > 4", "<!-- x -->", "<https://x>", "ftp://x", "www.x.org", "|", "a|", `\\|`, "a@b.org",
}

// places are lines as the pages write them: what is shown is what stands in the text.
var places = []string{"%s", "- %s", "- [ ] %s", "# %s", "## %s", "**%s.** so", "Owner: %s. Due: %s.", "%s, asked at %s:", "| %s | %s |", "%s"}

// What a reader of GitHub-flavoured Markdown sees is the text, wherever it stands, and nothing in it
// is anything but text.
func FuzzMarkdownIsText(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, place := range places {
			shownAsText(t, place, s)
		}
		got := escapeStart(escapeCell(literal(s)))
		if bare := strings.NewReplacer("s3://", "", "gs://", "").Replace(got); strings.Contains(bare, "://") || strings.Contains(got, "www.") ||
			strings.Contains(got, " @") || strings.HasPrefix(got, "@") {
			t.Fatalf("%q: a link or a mention", got)
		}
		for _, r := range got {
			if hidden(r) {
				t.Fatalf("%q: the hidden character %U", got, r)
			}
		}
	})
}

// Texts made of nothing but what is markup somewhere.
func TestMarkdownOfMarkupIsText(t *testing.T) {
	piece := rapid.SampledFrom(strings.Split("\\ ` * _ ~ [ ] ( ) < > ! | # - + = : . / & ; $ ^ @ 1 a é x 　 \" ' { } &amp; :// www. http", " "))
	rapid.Check(t, func(r *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(r, "pieces"), rapid.SampledFrom([]string{"", " "}).Draw(r, "between"))
		shownAsText(r, rapid.SampledFrom(places).Draw(r, "place"), s)
	})
}

func shownAsText(t rapid.TB, place, s string) {
	t.Helper()
	args := make([]string, strings.Count(place, "%s"))
	shown := make([]any, len(args))
	for n := range args {
		args[n], shown[n] = s, defanged(s)
	}
	var doc Doc
	if strings.HasPrefix(place, "|") {
		doc.Table(args, [][]string{args})
	} else {
		doc.Line(place, args...)
	}
	texts, foreign := readMarkdown(doc.Bytes())
	want := strings.TrimSpace(fmt.Sprintf(strings.NewReplacer("- [ ] ", "", "- ", "", "# ", "", "#", "", "**", "").Replace(place), shown...))
	if strings.HasPrefix(place, "|") {
		want = strings.Repeat(defanged(s), 4)
	}
	if texts != want || len(foreign) > 0 {
		t.Fatalf("%q of %q is written\n%s\nand shown as %q, want %q; it holds %v", place, s, doc.String(), texts, want, foreign)
	}
}

// readMarkdown reads as GitHub does: the text that is shown, and what is in it beside text and our own
// blocks. An address of a mailbox may be a link: it says where it leads.
func readMarkdown(source []byte) (shown string, foreign []string) {
	var b strings.Builder
	root := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	ours := []ast.NodeKind{ast.KindDocument, ast.KindParagraph, ast.KindTextBlock, ast.KindList, ast.KindListItem, ast.KindHeading,
		extensionast.KindTable, extensionast.KindTableHeader, extensionast.KindTableRow, extensionast.KindTableCell, extensionast.KindTaskCheckBox}
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(util.UnescapePunctuations(util.ResolveEntityNames(util.ResolveNumericReferences(n.Segment.Value(source)))))
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			if n.AutoLinkType != ast.AutoLinkEmail {
				foreign = append(foreign, "a link")
			}
			b.Write(n.Label(source))
		case *ast.Emphasis:
			if own := n.Level == 2 && n.PreviousSibling() == nil; !own {
				foreign = append(foreign, "emphasis")
			}
		default:
			if !slices.Contains(ours, n.Kind()) {
				foreign = append(foreign, n.Kind().String())
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String(), foreign
}

// People read the Markdown as it stands, in a terminal: what means nothing there is not escaped.
func TestMarkdownReadsAsText(t *testing.T) {
	for place, lines := range map[string]map[string]string{
		"- %s": {"ask #ranking-oncall": "", "# no heading": `\# no heading`, "not_recovered in http_requests_total": "", "5 > 4 < 6 and 2 * 3": "",
			"v2 [canary] costs ~5 m & more!": `v2 [canary] costs \~5 m & more!`, "a | b": "", `C:\temp`: "", "-5 %": "", "3.5 s": ""},
		"| %s |": {"s3://evidence/ranker": "", "https://evil.example": "https[:]//evil.example", "a | b": `a \| b`},
		"## %s":  {"ends with #": `ends with \#`, "C# is none": ""},
	} {
		for line, want := range lines {
			var doc Doc
			doc.Line(place, line)
			if got := doc.String(); got != fmt.Sprintf(place+"\n", cmp.Or(want, line)) {
				t.Errorf("%q: got %q", line, got)
			}
		}
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
