package report

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// KindJournal is the message that a journal is not what it was.
const KindJournal = "journal_altered"

// JournalMsg pages: a replica's journal does not have the line that is anchored in the store. It
// belongs to no release; the service is one whose people are paged.
func JournalMsg(rb *runbook.Runbook, was, is record.Anchor, now time.Time) record.Message {
	m := newMessage(fmt.Sprintf("%s-%s-%d", KindJournal, is.Replica, now.Unix()), KindJournal, rb.Service, rb.Regions[0], now,
		fmt.Sprintf("the journal of %s was truncated or rewritten", word(is.Replica)),
		[]string{fmt.Sprintf("At %s it had line %d, sha256:%s. Now it has %d lines, and that is none of them.", clock(was.At), was.Lines, was.Digest, is.Lines),
			"autorollback works as before and keeps writing to it. What was lost is kept in the store, and is named by: autorollback audit verify incidents/journal.jsonl.",
			todo("copy the file; see who can write it, and whether a restored backup or a second daemon with the same --replica explains it.")})
	m.Page = true
	return m
}
