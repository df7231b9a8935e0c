// Package mail writes mails for people and sends each of them once. A [Message] is built so that mail clients show it and that
// nothing from a cluster can break out of where it stands; [SMTP] submits it, and [Outbox] remembers in Cloud Storage what was
// submitted. [Notices] is all of it for a [posture.Notice].
//
// What the report looks like is functions/report's; both share the [Layout].
package mail
