//! The events of `docs/abi.md`.

use ron_abi::{Malformed, Reader, from_latin1};

use crate::exchange::Head;
use crate::failure::Failure;
use crate::header_block::HeaderBlock;
use crate::instance::Instance;

/// Takes an event, from its name on. Events of exchanges that nobody holds are ignored: they have
/// crossed with an `abort`.
///
/// # Errors
///
/// The event is malformed; nothing has changed.
pub fn deliver(instance: &Instance, event: &str) -> Result<(), Malformed> {
    let find = |id| instance.exchanges.find(id);
    let mut reader = Reader::new(event);
    match reader.text("event")? {
        "tick" => reader.end(),
        "start" => {
            let entropy = reader.text("entropy")?;
            reader.end()?;
            instance.generator.seed(entropy).map_err(Malformed::new)
        }
        "response" => {
            let exchange = find(reader.number("exchange")?);
            let status = u16::try_from(reader.number("status")?)
                .ok()
                .filter(|status| (100..=999).contains(status))
                .ok_or_else(|| Malformed::new("the field status is no status code"))?;
            let headers = HeaderBlock::new(reader.take_rest())?;
            if let Some(exchange) = exchange {
                exchange.on_response(Head { status, headers });
            }
            Ok(())
        }
        "data" => {
            let exchange = find(reader.number("exchange")?);
            let end = match reader.text("end")? {
                "0" => false,
                "1" => true,
                _ => return Err(Malformed::new("the field end is neither 0 nor 1")),
            };
            let bytes = from_latin1("bytes", reader.take_rest())?;
            if let Some(exchange) = exchange {
                exchange.on_data(bytes, end);
            }
            Ok(())
        }
        "failure" => {
            let exchange = find(reader.number("exchange")?);
            let code = reader.text("error-code")?.to_owned();
            let detail = reader.text("detail")?.to_owned();
            reader.end()?;
            if code.is_empty() {
                return Err(Malformed::new("the field error-code is empty"));
            }
            if let Some(exchange) = exchange {
                exchange.on_failure(Failure { code, detail });
            }
            Ok(())
        }
        other => Err(Malformed::new(["there is no event ", other].concat())),
    }
}
