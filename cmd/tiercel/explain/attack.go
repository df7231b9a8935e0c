package explain

import "strings"

// A Technique is one of MITRE ATT&CK's, or a tactic.
type Technique struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"` // empty for what no shipped rule is about
	URL  string `json:"url"`
}

func techniqueOf(id string) Technique {
	folder := "techniques"
	if strings.HasPrefix(id, "TA") {
		folder = "tactics"
	}
	return Technique{ID: id, Name: techniqueNames[id], URL: "https://attack.mitre.org/" + folder + "/" + strings.ReplaceAll(id, ".", "/") + "/"}
}

// techniqueNames are those that shipped rules are about, in ATT&CK's own words.
var techniqueNames = map[string]string{
	"T1001.002": "Data Obfuscation: Steganography",
	"T1003.007": "OS Credential Dumping: Proc Filesystem",
	"T1003.008": "OS Credential Dumping: /etc/passwd and /etc/shadow",
	"T1005":     "Data from Local System",
	"T1020":     "Automated Exfiltration",
	"T1027":     "Obfuscated Files or Information",
	"T1027.003": "Obfuscated Files or Information: Steganography",
	"T1027.004": "Obfuscated Files or Information: Compile After Delivery",
	"T1033":     "System Owner/User Discovery",
	"T1036":     "Masquerading",
	"T1036.005": "Masquerading: Match Legitimate Resource Name or Location",
	"T1037":     "Boot or Logon Initialization Scripts",
	"T1046":     "Network Service Discovery",
	"T1053.003": "Scheduled Task/Job: Cron",
	"T1053.007": "Scheduled Task/Job: Container Orchestration Job",
	"T1055":     "Process Injection",
	"T1057":     "Process Discovery",
	"T1059.004": "Command and Scripting Interpreter: Unix Shell",
	"T1059.006": "Command and Scripting Interpreter: Python",
	"T1068":     "Exploitation for Privilege Escalation",
	"T1070.002": "Indicator Removal: Clear Linux or Mac System Logs",
	"T1070.003": "Indicator Removal: Clear Command History",
	"T1070.004": "Indicator Removal: File Deletion",
	"T1071":     "Application Layer Protocol",
	"T1072":     "Software Deployment Tools",
	"T1078":     "Valid Accounts",
	"T1083":     "File and Directory Discovery",
	"T1090":     "Proxy",
	"T1095":     "Non-Application Layer Protocol",
	"T1098":     "Account Manipulation",
	"T1098.004": "Account Manipulation: SSH Authorized Keys",
	"T1105":     "Ingress Tool Transfer",
	"T1106":     "Native API",
	"T1129":     "Shared Modules",
	"T1136.001": "Create Account: Local Account",
	"T1140":     "Deobfuscate/Decode Files or Information",
	"T1190":     "Exploit Public-Facing Application",
	"T1203":     "Exploitation for Client Execution",
	"T1204":     "User Execution",
	"T1222.002": "File and Directory Permissions Modification: Linux and Mac File and Directory Permissions Modification",
	"T1485":     "Data Destruction",
	"T1496":     "Resource Hijacking",
	"T1528":     "Steal Application Access Token",
	"T1543":     "Create or Modify System Process",
	"T1546":     "Event Triggered Execution",
	"T1547.006": "Boot or Logon Autostart Execution: Kernel Modules and Extensions",
	"T1548.001": "Abuse Elevation Control Mechanism: Setuid and Setgid",
	"T1548.003": "Abuse Elevation Control Mechanism: Sudo and Sudo Caching",
	"T1552":     "Unsecured Credentials",
	"T1552.001": "Unsecured Credentials: Credentials In Files",
	"T1552.004": "Unsecured Credentials: Private Keys",
	"T1553.004": "Subvert Trust Controls: Install Root Certificate",
	"T1554":     "Compromise Host Software Binary",
	"T1556":     "Modify Authentication Process",
	"T1556.003": "Modify Authentication Process: Pluggable Authentication Modules",
	"T1557":     "Adversary-in-the-Middle",
	"T1562":     "Impair Defenses",
	"T1562.001": "Impair Defenses: Disable or Modify Tools",
	"T1562.006": "Impair Defenses: Indicator Blocking",
	"T1562.012": "Impair Defenses: Disable or Modify Linux Audit System",
	"T1564":     "Hide Artifacts",
	"T1564.001": "Hide Artifacts: Hidden Files and Directories",
	"T1571":     "Non-Standard Port",
	"T1572":     "Protocol Tunneling",
	"T1574":     "Hijack Execution Flow",
	"T1574.006": "Hijack Execution Flow: Dynamic Linker Hijacking",
	"T1574.007": "Hijack Execution Flow: Path Interception by PATH Environment Variable",
	"T1580":     "Cloud Infrastructure Discovery",
	"T1587.001": "Develop Capabilities: Malware",
	"T1588.001": "Obtain Capabilities: Malware",
	"T1609":     "Container Administration Command",
	"T1610":     "Deploy Container",
	"T1611":     "Escape to Host",
	"T1613":     "Container and Resource Discovery",
	"T1620":     "Reflective Code Loading",
}
