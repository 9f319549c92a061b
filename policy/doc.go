// Package policy decides what to do about a breach of a release, and says why in
// words with numbers: roll back, ask a human, freeze promotion, or hold.
//
// The guards are asked in one fixed order, and the first that objects decides:
//
//	unknown_trigger   hold    the runbook has no such trigger
//	unreachable       hold    Prometheus did not answer
//	blind             hold    no data is neither good nor bad
//	not_confirmed     hold    the trigger's own expression is not true now
//	store_went_back   hold    the store has less than is known of it
//	absolute_slo      freeze  a limit on what users get from any version
//	stable_unhealthy  freeze  the stable version is unhealthy as well: wrong cause
//	already_acted     hold    one rollback per incident
//	nothing           hold    the candidate has no traffic, or the release is over
//	manual_override   hold    somebody else changed the split
//	paused            hold    the stop switch is on
//	lkg_quarantined   hold    the last known good bundle is quarantined
//	lkg_not_warm      hold    the stable version has no ready pod
//	router            hold    the router's keys cannot be changed
//	standby           ask     too few ready pods of the stable version, or its probes are bad
//	pause_expired     ask     a pause has run out and nobody has ended it
//	rule_drift        ask     the rules in Prometheus were edited
//	no_control        ask     the stable version has no traffic to compare with
//	few_pods          ask     too few candidate pods
//	cooldown          ask     the service was rolled back a moment ago
//	daily_limit       ask     the service was rolled back too often in 24 h
//	budget            ask     the installation was rolling back too often in an hour
//	schedule          ask     outside the spans in which automation may act
//	mild              ask     the trigger is not severe
//	severe            rollback
//
// All holds and freezes come before the first question, so that nobody is asked to
// approve what must not be done. In observe mode everything but a hold becomes the
// hold "observe" that says what would have been done. A human's own rollback passes
// every guard but nothing, manual_override and router; the others become warnings.
//
// Beside [Decide] stand the other decisions: what follows when nobody answered
// ([Expired]) or checks are bad ([Checks]), whether a decision takes the place of the
// one before ([Replaces]), the next step of a ramp ([NextStep]), and what a human's
// command needs ([Start], [Answer], [Stop], [Resume], [Accept]).
//
// It does no I/O, starts nothing, reads no clock and remembers nothing: equal inputs
// give equal decisions.
package policy
