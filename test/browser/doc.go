// Package browser opens our pages in the real Chromium, as people do: on a phone and on a desktop, light and
// dark, with scripts and without. It asks axe-core what keeps people out of a page, looks whether anything is
// wider than the screen, and uses the keyboard alone.
//
// It never leaves this machine, never skips, and never ends a process that it did not start: a browser or
// an axe-core that is missing fails the test and says what to do. Nothing outside tests may import it.
//
// A new page is one line in pages in pages_test.go: a name, its address, and who opens it. What it shows
// comes from world_test.go, which is an engine made of records; a method that the page newly asks of the
// engine goes there. A route that answers with a page and is on no line of the table fails TestEveryPageIsInTheTable.
// A page that another program makes, as a file, is one line in documents.
//
//	go test ./test/browser                             everything, in about a minute
//	go test ./test/browser -run 'TestAxe/dashboard'    one page, in all eight ways
//	go test ./test/browser -run TestAxe -screenshots /tmp/pages
//
// A test of another package uses the same browser:
//
//	tab := browser.Start(t).Open(t, url, browser.View{Width: 360, Height: 640})
//	tab.Press(browser.TabKey, browser.EnterKey)
package browser
