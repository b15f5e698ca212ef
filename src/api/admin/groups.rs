//! Groups of an app and their members as an admin sees them, private ones too.

use super::app;
use crate::api::access::{Access, Admin};
use crate::api::reply::{Reply, data, page};
use crate::model::error::Result;
use crate::store::{groups, members};

pub async fn list_groups(access: Access<Admin>) -> Result<Reply> {
    let (app_id, ask) = (access.param("appId").to_owned(), access.page()?);
    let filter = groups::Filter {
        search: access.query().search("searchKey"),
        in_name: true,
        in_guid: true,
        ..groups::Filter::default()
    };
    let found = access.store().read(move |read| groups::list(read, app(read, &app_id)?.id, &filter, ask)).await?;
    Ok(page(&found, ask))
}

pub async fn show_group(access: Access<Admin>) -> Result<Reply> {
    let (app_id, guid) = (access.param("appId").to_owned(), access.guid()?);
    Ok(data(&access.store().read(move |read| groups::by_guid(read, app(read, &app_id)?.id, &guid)).await?))
}

pub async fn list_members(access: Access<Admin>) -> Result<Reply> {
    let (app_id, guid, ask) = (access.param("appId").to_owned(), access.guid()?, access.page()?);
    let filter = members::Filter { search: access.query().search("searchKey"), ..members::Filter::default() };
    let found = access.store().read(move |read| {
        let group = groups::by_guid(read, app(read, &app_id)?.id, &guid)?;
        members::list(read, group.id, &filter, ask)
    });
    Ok(page(&found.await?, ask))
}
