// Package check is the language of hardening checks: CEL, as rules are, over the messages of GKE's API, Kubernetes objects and
// IAM policies. It reads files of checks, says what is wrong with them by file, line and column, and decides. It calls no API.
//
// A file has checks, and lists and macros as rule files do; a macro may give any value, and sees the macros before it.
//
//	checks:
//	  - id: NODE-COS                # capital letters, digits, dashes
//	    title: Nodes run Container-Optimized OS
//	    why: One sentence.
//	    severity: MEDIUM            # of failures and warnings that have none of their own: INFO LOW MEDIUM HIGH CRITICAL
//	    category: COS_NOT_USED      # the finding's; Security Health Analytics' name where the check is the same
//	    benchmarks:                 # standard, version, items; optional
//	      CIS GKE: {"1.9.0": ["5.5.1"]}
//	    link: https://…             # optional
//	    each: pool                  # a set: a verdict for each of its items, which is the variable pool. Without it: the cluster
//	    applies: {if: CONDITION, else: SENTENCE}        # else N/A
//	    managed: {if: CONDITION, because: SENTENCE}     # then MANAGED
//	    needs: [credentials]        # parts of World.Unknown without which it never comes to PASS
//	    verdicts:                   # the first whose condition is true decides; the last has the condition otherwise
//	      - pass: CONDITION         # pass, warn, fail, unknown or n/a
//	        because: SENTENCE
//	      - fail: otherwise
//	        severity: LOW           # of this verdict; optional
//	        because: SENTENCE
//	        fix: {…}                # of this verdict; optional
//	    evidence:                   # what is shown: expressions, or {label: expression}
//	      - pool.config.image_type
//	    fix:                        # required if a verdict is fail or warn and has none of its own
//	      commands:                 # whole lines; or the flags of one of the commands that most fixes are
//	        - gcloud container clusters upgrade {resource.cluster} --node-pool={pool.name} --image-type=cos_containerd
//	        - clusters update: --enable-shielded-nodes
//	        - node-pools update: --enable-autorepair
//	      text: SENTENCE            # beside commands, or where none does it
//	      disruption: recreates nodes   # one of posture.Disruptions
//	      link: https://…
//
// In sentences and commands {expression} stands for its value, {{ for a brace. In commands values are quoted for the shell: write
// no quotes around them. A value that would be taken for a flag leaves the commands out, so put names where a dash harms not, or
// behind a word that ends in =.
//
// # Conditions
//
// They have the variables of [Names], the functions and operators of rules ([condition.Functions]) and those of [Functions], has(),
// x.?y.orValue(z), map() and filter(). Messages' fields are proto's, in snake_case; enums' values stand as constants without
// their package: ReleaseChannel.Channel.RAPID. A field of an absent message has its zero; has(cluster.legacy_abac) tells. A key
// that an object (of Kubernetes, of IAM) does not have is an error, and the verdict UNKNOWN: write binding.?subjects.orValue([]).
//
// What could not be read is unknown, as is an enum's number that this program has no name for. A condition that is decided
// without is decided; else the verdict is UNKNOWN and says which call or permission was missing. If all verdicts that are
// possible are failures, it is one.
//
// A path (nothing but fields and keys) as evidence is shown as the message has it: enums by name, "absent" for what is not there.
// Fields of the names client_key and password are read by no check.
package check
