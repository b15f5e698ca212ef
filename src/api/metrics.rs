//! Figures for the people who run an app.

use serde::Serialize;
use utoipa::ToSchema;

use super::access::{Access, FullKey};
use super::openapi::{Doc, Shape};
use super::reply::{Reply, data};
use crate::model::error::{Error, Result};
use crate::model::time::seconds;
use crate::store::receipts::Kind;
use crate::store::{calls, metrics};

/// `GET /stats/messages` covers this many seconds, in steps of so many.
const WINDOW: i64 = 3600;
const STEP: i64 = 300;

/// How much an app was used in a time.
#[derive(Serialize, ToSchema)]
struct Usage {
    metrics: Metrics,
    time_range: TimeRange,
}

#[derive(Serialize, ToSchema)]
#[schema(as = UsageMetrics)]
struct Metrics {
    audio_minutes: i64,
    video_minutes: i64,
    recorded_minutes: i64,
    active_users: i64,
    /// Right now.
    concurrent_users: usize,
}

/// Unix milliseconds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TimeRange {
    from_date: i64,
    to_date: i64,
}

/// Messages and receipts of the last hour; times are Unix milliseconds, as text.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageFigures {
    start_time: String,
    end_time: String,
    data_points: Vec<DataPoint>,
    app_id: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DataPoint {
    messages_sent: i64,
    read_receipts: i64,
    delivery_receipts: i64,
    start_time: String,
    end_time: String,
}

pub async fn usage(access: Access<FullKey>) -> Result<Reply> {
    let bound = |name: &str| {
        let at = access.query().int(name)?.filter(|at| *at >= 0);
        at.map(seconds).ok_or_else(|| Error::field(name, format!("The {name} must be a Unix time.")))
    };
    let (from, to) = (bound("fromDate")?, bound("toDate")?);
    if from > to {
        return Err(Error::field("toDate", "The toDate must not lie before the fromDate."));
    }
    let app = access.app().id;
    let (calls, active, now) = access
        .store()
        .read(move |read| {
            Ok((calls::between(read, app, from, to)?, metrics::active_users(read, app, from, to)?, read.now()))
        })
        .await?;
    let minutes = |kind: &str| {
        let calls = calls.iter().filter(|call| call.kind == kind);
        let seconds: i64 =
            calls.map(|call| call.participants.iter().map(|part| call.seconds_of(part, now)).sum::<i64>()).sum();
        seconds / 60
    };
    Ok(data(&Usage {
        metrics: Metrics {
            audio_minutes: minutes("audio"),
            video_minutes: minutes("video"),
            recorded_minutes: 0,
            active_users: active,
            concurrent_users: access.api().hub.online_in_app(app),
        },
        time_range: TimeRange { from_date: from * 1000, to_date: to * 1000 },
    }))
}

pub async fn messages(access: Access<FullKey>) -> Result<Reply> {
    let app = access.app().id;
    let (start, sent, delivered, read) = access
        .store()
        .read(move |read| {
            let start = read.now() - WINDOW;
            let sent = metrics::messages_by_step(read, app, start, STEP)?;
            let delivered = metrics::receipts_by_step(read, app, Kind::Delivered, start, STEP)?;
            let seen = metrics::receipts_by_step(read, app, Kind::Read, start, STEP)?;
            Ok((start, sent, delivered, seen))
        })
        .await?;
    let last = WINDOW / STEP - 1;
    // The second that runs now is part of the last step.
    let count = |rows: &[(i64, i64)], step: i64| -> i64 {
        rows.iter().filter(|(at, _)| (*at).min(last) == step).map(|(_, count)| count).sum()
    };
    let ms = |seconds: i64| (seconds * 1000).to_string();
    let points = (0..=last).map(|step| {
        let from = start + step * STEP;
        DataPoint {
            messages_sent: count(&sent, step),
            read_receipts: count(&read, step),
            delivery_receipts: count(&delivered, step),
            start_time: ms(from),
            end_time: ms(from + STEP),
        }
    });
    Ok(data(&MessageFigures {
        start_time: ms(start),
        end_time: ms(start + WINDOW),
        data_points: points.collect(),
        app_id: access.app().app_id.to_string(),
    }))
}

/// What the table does not say of these operations.
pub fn describe(doc: &mut Doc) {
    doc.reply::<Usage>("usage-metrics", Shape::One).reply::<MessageFigures>("message-receipt-metrics", Shape::One);
    doc.query("usage-metrics", &["fromDate", "toDate"]);
}
