package redact

import (
	"slices"
	"strings"
)

// A program is one that takes secrets behind flags whose names do not tell. Each letter is a flag.
type program struct {
	attached  string // -XSECRET
	separate  string // -X SECRET
	user      string // -X user:SECRET, attached or not
	userFlags []string
	userSep   byte // between user and secret, if not a colon
	login     bool // only behind the word "login"
	auth      bool // a command "auth SECRET", or "auth user SECRET"

	proxy       string // -X user:SECRET@host, without a scheme
	proxyFlags  []string
	cookie      string // -X NAME=SECRET; without "=" it is a file
	cookieFlags []string
}

// attaches reports whether word is a letter of p's with its value attached.
func (p *program) attaches(word string) bool {
	return p != nil && len(word) > 2 && word[1] != '-' && strings.IndexByte(p.attached+p.user, word[1]) >= 0
}

func (p *program) hasUserFlag(name string) bool {
	return p != nil && slices.Contains(p.userFlags, name)
}

func (p *program) hasProxyFlag(name string) bool {
	return p != nil && slices.Contains(p.proxyFlags, name)
}

func (p *program) hasCookieFlag(name string) bool {
	return p != nil && slices.Contains(p.cookieFlags, name)
}

var (
	mysql   = &program{attached: "p"}
	mongo   = &program{separate: "p"}
	ldap    = &program{attached: "w", separate: "w"}
	docker  = &program{separate: "p", login: true}
	sql     = &program{attached: "P", separate: "P"}
	zip     = &program{attached: "P", separate: "P"}
	archive = &program{attached: "p"}
	samba   = &program{user: "U", userFlags: []string{"--user"}, userSep: '%'}
	snmp    = &program{separate: "AXc"}
	account = &program{separate: "p"}
	openssl = &program{separate: "kK"}
	none    = &program{} // has such letters for other things, and comes behind a program that has not
	curl    = &program{
		user: "uUE", userFlags: []string{"--user", "--proxy-user", "--cert", "--proxy-cert"},
		proxy: "x", proxyFlags: []string{"--proxy", "--preproxy", "--socks5", "--socks5-hostname"},
		cookie: "b", cookieFlags: []string{"--cookie"},
	}
	httpie = &program{user: "a", userFlags: []string{"--auth"}}
)

var programs = map[string]*program{
	"mysql": mysql, "mysqldump": mysql, "mysqladmin": mysql, "mysqlimport": mysql, "mysqlshow": mysql, "mysqlcheck": mysql,
	"mysqlslap": mysql, "mysqlsh": mysql, "mysqlpump": mysql, "mariadb": mysql, "mariadb-dump": mysql, "mariadb-admin": mysql,
	"mongo": mongo, "mongosh": mongo, "mongodump": mongo, "mongorestore": mongo, "mongoexport": mongo, "mongoimport": mongo,
	"sshpass":    {attached: "p", separate: "p"},
	"redis-cli":  {separate: "a", auth: true},
	"cqlsh":      {separate: "p"},
	"ipmitool":   {separate: "P"},
	"ssh-keygen": {separate: "NP"},
	"etcdctl":    {userFlags: []string{"--user"}},
	"lftp":       {user: "u", userFlags: []string{"--user"}, userSep: ','},
	"http":       httpie, "https": httpie,
	"curl":       curl,
	"ldapsearch": ldap, "ldapadd": ldap, "ldapmodify": ldap, "ldapdelete": ldap, "ldapwhoami": ldap, "ldappasswd": ldap,
	"docker": docker, "podman": docker, "nerdctl": docker, "buildah": docker, "skopeo": docker, "crane": docker, "helm": docker,
	"oras": docker, "az": docker,
	"sqlcmd": sql, "bcp": sql, "isql": sql, "osql": sql,
	"zip": zip, "unzip": zip,
	"7z": archive, "7za": archive, "7zr": archive, "rar": archive, "unrar": archive,
	"smbclient": samba, "rpcclient": samba, "smbget": samba,
	"snmpget": snmp, "snmpwalk": snmp, "snmpset": snmp, "snmpbulkwalk": snmp,
	"useradd": account, "usermod": account,
	"openssl": openssl,
	"ssh":     none, "scp": none, "sftp": none, "rsync": none,
}
