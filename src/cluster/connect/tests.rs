//! Which context, which proxy, which words.

use super::*;

fn kubeconfig(current: &str) -> Kubeconfig {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: \"{current}\"\nclusters:\n- name: c1\n  cluster: {{server: \"https://10.0.0.1:6443\"}}\n- name: c2\n  cluster: {{server: \"https://k8s.example.org\", proxy-url: \"socks5://127.0.0.1:1080\"}}\ncontexts:\n- name: one\n  context: {{cluster: c1, namespace: lab}}\n- name: two\n  context: {{cluster: c2}}\n"
    );
    Kubeconfig::from_yaml(&text).unwrap()
}

#[test]
fn the_context_asked_for_wins_over_the_current_one() {
    let config = kubeconfig("one");
    assert_eq!(choose_context(&config, None, "f").unwrap(), "one");
    assert_eq!(choose_context(&config, Some("two"), "f").unwrap(), "two");
    let errors = [
        (
            choose_context(&config, Some("three"), "f"),
            "the kubeconfig f has no context \"three\"; it has one, two",
        ),
        (
            choose_context(&kubeconfig(""), None, "f"),
            "the kubeconfig f names no current context; it has one, two",
        ),
        (
            choose_context(&Kubeconfig::default(), None, "f"),
            "the kubeconfig f has no contexts",
        ),
    ];
    for (result, text) in errors {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), text);
        assert!(error.hint().contains("--local"));
    }
}

#[test]
fn a_proxy_of_the_kubeconfig_is_seen() {
    let config = kubeconfig("one");
    assert!(!has_own_proxy(&config, "one"));
    assert!(has_own_proxy(&config, "two"));
    assert!(!has_own_proxy(&config, "three"));
}

#[test]
fn no_proxy_is_matched_against_the_cluster() {
    let cases = [
        ("localhost", 443, "", true),
        ("127.3.4.5", 6443, "", true),
        ("[::1]", 6443, "", true),
        ("api.example.org", 443, "", false),
        ("api.example.org", 443, "*", true),
        ("api.example.org", 443, "other.org, API.example.org", true),
        ("api.example.org", 443, "example.org", true),
        ("api.example.org", 443, ".example.org", true),
        ("example.org", 443, ".example.org", false),
        ("api.example.org", 443, "*.example.org", true),
        ("badexample.org", 443, "example.org", false),
        ("api.example.org", 6443, "example.org:443", false),
        ("api.example.org", 443, "example.org:443", true),
        ("10.1.2.3", 6443, "10.0.0.0/8", true),
        ("11.1.2.3", 6443, "10.0.0.0/8", false),
        ("11.1.2.3", 6443, "0.0.0.0/0", true),
        ("10.1.2.3", 6443, "10.1.2.3", true),
        ("10.1.2.3", 6443, "10.1.2.3:443", false),
        ("10.1.2.3", 6443, "10.0.0.0/40", false),
        ("10.1.2.3", 6443, "2.3", false),
        ("fd00::5", 6443, "fd00::/8", true),
        ("fd00::5", 6443, "[fd00::5]:6443", true),
        ("api.example.org", 443, ",,:", false),
    ];
    for (host, port, no_proxy, direct) in cases {
        assert_eq!(
            goes_direct(host, port, no_proxy),
            direct,
            "{host}:{port} with NO_PROXY={no_proxy:?}"
        );
    }
}

#[test]
fn the_environment_names_a_proxy() {
    let cluster: Uri = "https://k8s.example.org:6443".parse().unwrap();
    let proxy = |variables: &'static [(&'static str, &'static str)]| {
        let find = move |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        };
        environment_proxy(&cluster, &find).map(|uri| uri.map(|uri| uri.to_string()))
    };
    assert_eq!(proxy(&[]), Ok(None));
    assert_eq!(
        proxy(&[("HTTPS_PROXY", "proxy:3128")]),
        Ok(Some("http://proxy:3128/".to_owned()))
    );
    assert_eq!(
        proxy(&[("https_proxy", "http://proxy:3128"), ("no_proxy", "proxy")]),
        Ok(Some("http://proxy:3128/".to_owned()))
    );
    assert_eq!(
        proxy(&[("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", ".example.org")]),
        Ok(None)
    );
    assert!(
        proxy(&[("HTTPS_PROXY", "http://[")])
            .unwrap_err()
            .starts_with("HTTPS_PROXY is not a URL")
    );
}
