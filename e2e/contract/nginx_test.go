package contract_test

// nginxRows are what nginx alone decides: e2e/nginx holds them with the real nginx and the files that are shipped.
var nginxRows = []row{
	{"0 200/202/204", "of what is no yes nothing lets anybody in", same, heldBy("e2e/nginx", "TestAGatewayThatSaysNoYesLetsNobodyIn")},
	{"0 only the first WWW-Authenticate", "a 401 has one line of challenges, which reaches the client", same, heldBy("e2e/nginx", "TestLogin")},
	{"0 403 → 403", "a 403 stays one", same, heldBy("e2e/nginx", "TestAPageFor403")},
	{"0 301, 302, 400", "what nginx makes 500 of becomes 503 or 429 by the snippets", "M13", heldBy("e2e/nginx", "TestAGatewayThatSaysNoYesLetsNobodyIn")},
	{"0 proxy_buffer_size", "the header block stays under nginx's buffer", "M40", heldBy("e2e/nginx", "TestLargeHeaders")},
	{"0 Subrequest is always", "nginx asks with the client's credential, and without its body", same, heldBy("e2e/nginx", "TestWhatTheGatewayIsAsked")},
}
