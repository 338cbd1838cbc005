use super::*;

/// 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn read(changes: &[(&'static str, &str)]) -> Result<WorkerConfig, ConfigErrors> {
    let least = [
        ("RESEND_REGISTRY_URL", "http://registry/api/"),
        ("RESEND_OTP_KEY", KEY),
        ("RESEND_SMS_URL", "http://gateway/send/"),
    ];
    WorkerConfig::from_settings(&Settings::from_pairs(least.iter().chain(changes).copied())?)
}

fn refused(name: &'static str, value: &str) -> String {
    let error = read(&[(name, value)]).expect_err(name).to_string();
    assert!(error.starts_with(name) || error.starts_with(&format!("invalid {name}")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn three_settings_are_enough() {
    let config = read(&[]).unwrap();
    assert_eq!((config.concurrency, config.listen.to_string().as_str()), (64, "127.0.0.1:9090"));
    assert_eq!(config.registry.url, "http://registry/api");
    let SendingConfig::Local { otp, sms } = config.sending else { panic!("codes are made here") };
    let [ChannelConfig::Http(http)] = &sms.channels[..] else { panic!("{:?}", sms.channels) };
    assert_eq!((http.url.as_str(), http.sender.as_str()), ("http://gateway/send/", "eHealth"));
    assert_eq!((otp.length, otp.life.as_secs(), otp.older_key.is_none()), (6, 300, true));
    let limits = config.message_limits;
    assert_eq!((limits.per_phone_hour, limits.per_phone_day, limits.per_patient_day), (5, 10, 10));
    assert_eq!((limits.per_client_minute, limits.total_minute), (600, 0));
}

#[test]
fn each_of_the_three_is_missed_by_name() {
    for name in ["RESEND_REGISTRY_URL", "RESEND_OTP_KEY", "RESEND_SMS_URL"] {
        let error = refused(name, "");
        assert!(error.starts_with(&format!("{name} is not set")), "{error}");
    }
}

#[test]
fn values_out_of_bounds_are_named() {
    for (name, value) in [
        ("RESEND_WORKER_CONCURRENCY", "0"),
        ("RESEND_WORKER_CONCURRENCY", "4097"),
        ("RESEND_WORKER_LISTEN", "9090"),
        ("RESEND_REGISTRY_URL", "http://:x"),
        ("RESEND_REGISTRY_TOKEN", "two words"),
        ("RESEND_OTP_LENGTH", "3"),
        ("RESEND_OTP_LENGTH", "9"),
        ("RESEND_OTP_KEY", "c2hvcnQ="),
        ("RESEND_OTP_KEY", "not base64"),
        ("RESEND_SMS_URL", "gateway"),
        ("RESEND_SMS_SENDER", "більше"),
        ("RESEND_SMS_TEXT", "no place"),
        ("RESEND_LIMIT_COUNTRIES", "380,+48"),
    ] {
        refused(name, value);
    }
}

#[test]
fn smpp_takes_its_own_url_or_the_general_one_and_names_the_wrong_one() {
    let smpp = ("RESEND_SMS_CHANNEL", "smpp");
    for name in ["RESEND_SMS_URL", "RESEND_SMS_SMPP_URL"] {
        let config = read(&[smpp, (name, "smpp://ehealth:hunter2@smsc:2776")]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let SendingConfig::Local { sms, .. } = config.sending else { panic!("codes are made here") };
        let [ChannelConfig::Smpp(smpp)] = &sms.channels[..] else { panic!("{:?}", sms.channels) };
        assert_eq!((smpp.host.as_str(), smpp.port, smpp.sender.as_str()), ("smsc", 2_776, "eHealth"));
        let error = read(&[("RESEND_SMS_CHANNEL", "smpp"), (name, "http://ehealth:hunter2@smsc")])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("invalid {name}")) && !error.contains("hunter2"), "{error}");
    }
    refused("RESEND_SMS_CHANNEL", "pigeon");
}

#[test]
fn the_otp_service_needs_its_url_and_something_secret_to_name_phones_by() {
    let with = |changes: &[(&'static str, &str)]| {
        let service = [("RESEND_REGISTRY_URL", "http://registry"), ("RESEND_OTP_MODE", "service")];
        WorkerConfig::from_settings(&Settings::from_pairs(service.iter().chain(changes).copied())?)
    };
    let url = ("RESEND_OTP_URL", "http://otp/");
    let config = with(&[url, ("RESEND_REGISTRY_TOKEN", "token")]).unwrap();
    let SendingConfig::Service(service) = config.sending else { panic!("the service makes them") };
    assert_eq!((service.url.as_str(), config.phone_secrets.len()), ("http://otp", 1));
    assert!(with(&[url, ("RESEND_OTP_KEY", KEY)]).is_ok());
    for (changes, named) in [(&[url][..], "RESEND_OTP_KEY"), (&[("RESEND_OTP_KEY", KEY)], "RESEND_OTP_URL")] {
        let error = with(changes).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{named} is not set")), "{error}");
    }
    assert!(refused("RESEND_OTP_MODE", "guess").contains("local or service"));
}

#[test]
fn the_channels_own_variables_win() {
    let own = [
        ("RESEND_SMS_TOKEN", "general"),
        ("RESEND_SMS_HTTP_URL", "https://own/x"),
        ("RESEND_SMS_HTTP_TOKEN", "own"),
        ("RESEND_SMS_HTTP_SENDER", "Own"),
    ];
    let SendingConfig::Local { sms, .. } = read(&own).unwrap().sending else { panic!("codes are made here") };
    let [ChannelConfig::Http(http)] = &sms.channels[..] else { panic!("{:?}", sms.channels) };
    assert_eq!((http.url.as_str(), http.sender.as_str()), ("https://own/x", "Own"));
    assert_eq!(http.authorization.as_ref().unwrap().as_bytes(), b"Bearer own");
}

#[test]
fn a_text_of_two_parts_is_refused_for_the_codes_length() {
    let text = format!("{}{{code}}", "ї".repeat(64));
    assert!(read(&[("RESEND_SMS_TEXT", &text)]).is_ok());
    let error = read(&[("RESEND_SMS_TEXT", &text), ("RESEND_OTP_LENGTH", "8")]).unwrap_err().to_string();
    assert!(error.starts_with("invalid RESEND_SMS_TEXT") && error.contains("72 of 70 units"), "{error}");
}

#[test]
fn the_effective_settings_do_not_print_secrets() {
    let printed = format!(
        "{:?}",
        read(&[("RESEND_REGISTRY_TOKEN", "hunter2"), ("RESEND_SMS_TOKEN", "hunter2")]).unwrap()
    );
    assert!(!printed.contains("hunter2") && !printed.contains("48, 49, 50"), "{printed}");
}

#[test]
fn channels_are_taken_in_the_order_given_and_each_needs_what_is_its_own() {
    let twilio = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json";
    let order = [("RESEND_SMS_CHANNEL", "twilio, turbosms,http"), ("RESEND_SMS_TOKEN", "token")];
    let with_url = |url| read(&[order[0], order[1], ("RESEND_SMS_TWILIO_URL", url)]);
    let SendingConfig::Local { sms, .. } = with_url(twilio).unwrap().sending else {
        panic!("codes are made here")
    };
    let [ChannelConfig::Twilio(first), ChannelConfig::TurboSms(second), ChannelConfig::Http(_)] =
        &sms.channels[..]
    else {
        panic!("{:?}", sms.channels)
    };
    // AC1:token
    assert_eq!(first.authorization.as_ref().unwrap().as_bytes(), b"Basic QUMxOnRva2Vu");
    assert_eq!(second.authorization.as_ref().unwrap().as_bytes(), b"Bearer token");

    let error = with_url("https://api.twilio.com/Messages.json").unwrap_err().to_string();
    assert!(error.starts_with("invalid RESEND_SMS_TWILIO_URL") && error.contains("Accounts"), "{error}");
    let error = read(&[("RESEND_SMS_CHANNEL", "turbosms")]).unwrap_err().to_string();
    assert!(error.starts_with("RESEND_SMS_TOKEN is not set"), "{error}");
    assert!(refused("RESEND_SMS_CHANNEL", "http,http").contains("several different ones"));
}

#[test]
fn every_wrong_setting_is_named_at_once() {
    let errors = read(&[
        ("RESEND_REGISTRY_URL", ""),
        ("RESEND_OTP_KEY", "short"),
        ("RESEND_SMS_SENDER", "більше"),
        ("RESEND_LEASE_SECONDS", "1"),
        ("RESEND_LOG_FORMAT", "xml"),
        ("RESEND_JOB_DEADLINE_SECONDS", "301"),
    ])
    .unwrap_err()
    .to_string();
    let named: Vec<_> = errors.lines().collect();
    assert_eq!(named.len(), 6, "{errors}");
    for name in ["REGISTRY_URL", "OTP_KEY", "SMS_SENDER", "LEASE", "LOG_FORMAT", "JOB_DEADLINE"] {
        assert!(errors.contains(name), "{name} in {errors}");
    }
}
