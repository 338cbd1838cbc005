//! Step 6, the number: the approval's own if it is whole; if it is masked, the only number of the accepted methods that
//! matches the mask.

use std::collections::HashSet;

use shared::domain::person::AuthenticationMethod;
use shared::domain::phone::PhoneNumber;

/// The phone that the code goes to.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::resend_approval) struct Phone {
    pub(in crate::resend_approval) number: PhoneNumber,
    /// The accepted methods have other numbers by now. The approval's number is used all the same.
    pub(in crate::resend_approval) is_former: bool,
}

/// Why the approval's number cannot be used. The texts contain no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::resend_approval) enum PhoneUnusable {
    #[error("the approval has no phone number")]
    Absent,
    #[error("the phone number of the approval is neither E.164 nor masked as the platform masks")]
    Malformed,
    #[error("no number of the accepted authentication methods has the mask of the approval")]
    NoMatch,
    #[error("several numbers of the accepted authentication methods have the mask of the approval")]
    SeveralMatches,
}

/// The number to send to, from the approval's text and the methods that step 4 accepted.
pub(in crate::resend_approval) fn phone(
    noted: Option<&str>,
    methods: &[&AuthenticationMethod],
) -> Result<Phone, PhoneUnusable> {
    let noted = noted.ok_or(PhoneUnusable::Absent)?;
    let known = methods.iter().filter_map(|method| method.phone_number()?.parse::<PhoneNumber>().ok());
    let known: HashSet<_> = known.collect();
    if let Ok(number) = noted.parse() {
        let is_former = !known.is_empty() && !known.contains(&number);
        return Ok(Phone { number, is_former });
    }
    if !noted.contains('*') {
        return Err(PhoneUnusable::Malformed);
    }
    let mut matches = known.into_iter().filter(|number| number.masked() == noted);
    match (matches.next(), matches.next()) {
        (Some(number), None) => Ok(Phone { number, is_former: false }),
        (None, _) => Err(PhoneUnusable::NoMatch),
        (Some(_), Some(_)) => Err(PhoneUnusable::SeveralMatches),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::domain::person::Person;

    use super::*;
    use crate::testing::PATIENT;

    const MASKED: &str = "+38093*****85";

    /// The number found for a person whose OTP methods have these numbers.
    fn found(noted: Option<&str>, numbers: &[Value]) -> Result<(String, bool), PhoneUnusable> {
        let methods: Vec<_> =
            numbers.iter().map(|number| json!({"type": "OTP", "phone_number": number})).collect();
        let person = json!({"id": PATIENT, "status": "active", "authentication_methods": methods});
        let person = Person::from_registry(&person).unwrap();
        let phone = phone(noted, &person.methods.iter().collect::<Vec<_>>())?;
        Ok((phone.number.expose().to_owned(), phone.is_former))
    }

    #[test]
    fn a_whole_number_is_followed_whatever_the_methods_have() {
        let (noted, other) = ("+380931234585", "+380500000000");
        for (numbers, is_former) in [
            (vec![json!(noted)], false),
            (vec![], false),
            (vec![json!(null)], false),
            (vec![json!(MASKED)], false),
            (vec![json!(other), json!(noted)], false),
            (vec![json!(other)], true),
        ] {
            assert_eq!(found(Some(noted), &numbers), Ok((noted.to_owned(), is_former)), "{numbers:?}");
        }
    }

    #[test]
    fn a_masked_number_is_the_one_that_masks_to_it() {
        let (number, double, other) =
            (json!("+380931234585"), json!("+380939999985"), json!("+380501234585"));
        for (numbers, expected) in [
            (vec![number.clone()], Ok(())),
            (vec![number.clone(), number.clone()], Ok(())),
            (vec![other.clone(), number.clone(), json!(null)], Ok(())),
            (vec![], Err(PhoneUnusable::NoMatch)),
            (vec![other], Err(PhoneUnusable::NoMatch)),
            (vec![json!(MASKED)], Err(PhoneUnusable::NoMatch)),
            (vec![number, double], Err(PhoneUnusable::SeveralMatches)),
        ] {
            let expected = expected.map(|()| ("+380931234585".to_owned(), false));
            assert_eq!(found(Some(MASKED), &numbers), expected, "{numbers:?}");
        }
    }

    #[test]
    fn anything_else_is_no_number() {
        let numbers = [json!("+380931234585")];
        assert_eq!(found(None, &numbers), Err(PhoneUnusable::Absent));
        for noted in ["", "0931234585", "380931234585", "+380 93 123 45 85"] {
            assert_eq!(found(Some(noted), &numbers), Err(PhoneUnusable::Malformed), "{noted}");
        }
        for noted in ["*", "+38093****85", "+38093*****8", "+380931*****85", "38093*****85"] {
            assert_eq!(found(Some(noted), &numbers), Err(PhoneUnusable::NoMatch), "{noted}");
        }
    }
}
