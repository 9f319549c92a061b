package report

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
)

// escapeMarkdown makes one line of hostile text literal in GitHub-flavoured Markdown,
// table cells included, when it does not stand at a block's beginning. Links that
// readers make by themselves are broken up.
func escapeMarkdown(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, shadow.Clip(text, 300))
	return markdownMarks.Replace(markdownLinks.Replace(text))
}

var (
	markdownLinks = strings.NewReplacer("://", "[:]//", "www.", "www[.]", "mailto:", "mailto[:]", "@", "@\u200b")
	markdownMarks = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`,
		"~", `\~`, "#", `\#`, "!", `\!`, "$", `\$`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
	)
)

// Markdown returns the report as a page for a ticket or a pull request. Whatever comes
// from recordings or answers is escaped.
func Markdown(report *diff.Report) []byte {
	r := page{report}
	var b strings.Builder
	fmt.Fprintf(&b, "# Shadow report: %s\n\n**%s** by the rule %s: %s\n", escapeMarkdown(r.Service), strings.ToUpper(string(r.Verdict)), r.Rule, escapeMarkdown(r.Reason))
	if r.Verdict == shadow.Inconclusive {
		b.WriteString("\nInconclusive blocks as well: no data is neither good nor bad.\n")
	}
	for _, s := range r.sections() {
		writeSection(&b, s)
	}
	writeList(&b, "Notes", r.Notes)
	writeList(&b, "Method", r.Method.Text)
	writeList(&b, "First records that could not be read", append(r.Counts.Run.FirstBad, r.Counts.Bad.First...))
	return []byte(b.String())
}

func writeSection(b *strings.Builder, s section) {
	fmt.Fprintf(b, "\n## %s\n\n", escapeMarkdown(s.Title))
	if s.Text != "" {
		b.WriteString(escapeMarkdown(s.Text) + "\n\n")
	}
	writeRow(b, s.Head)
	b.WriteString("|" + strings.Repeat(" --- |", len(s.Head)) + "\n")
	for _, row := range s.Rows {
		writeRow(b, row)
	}
	if s.More > 0 {
		fmt.Fprintf(b, "\n%d more are left out; the JSON report has them.\n", s.More)
	}
}

func writeRow(b *strings.Builder, cells []string) {
	for _, c := range cells {
		b.WriteString("| " + escapeMarkdown(c) + " ")
	}
	b.WriteString("|\n")
}

func writeList(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, l := range lines {
		b.WriteString("* " + escapeMarkdown(l) + "\n")
	}
}
