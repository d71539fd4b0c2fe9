"""Requests of the Data Manager API v1, with the limits of its reference, so that nothing else is ever sent.

https://developers.google.com/data-manager/api/reference/rest/v1/audienceMembers/ingest and …/remove
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from miyun.destinations.hashed import MOST_ROWS

MOST_IDENTIFIERS = 10
"""Of one member."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Number = Annotated[str, Field(pattern="^[0-9]{1,20}$")]
"""An id of Google's, digits only."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class AccountType(StrEnum):
    GOOGLE_ADS = "GOOGLE_ADS"
    DISPLAY_VIDEO_PARTNER = "DISPLAY_VIDEO_PARTNER"
    DISPLAY_VIDEO_ADVERTISER = "DISPLAY_VIDEO_ADVERTISER"
    DATA_PARTNER = "DATA_PARTNER"


class ProductAccount(_Message):
    account_type: AccountType
    account_id: Number


class GoogleDestination(_Message):
    operating_account: ProductAccount
    login_account: ProductAccount | None = None
    linked_account: ProductAccount | None = None
    product_destination_id: Number


class EmailAddress(_Message):
    email_address: Sha256


class PhoneNumber(_Message):
    phone_number: Sha256


class UserData(_Message):
    user_identifiers: tuple[EmailAddress | PhoneNumber, ...] = Field(min_length=1, max_length=MOST_IDENTIFIERS)


class AudienceMember(_Message):
    user_data: UserData


class ConsentStatus(StrEnum):
    GRANTED = "CONSENT_GRANTED"
    DENIED = "CONSENT_DENIED"


class Consent(_Message):
    ad_user_data: ConsentStatus
    ad_personalization: ConsentStatus


class TermsOfService(_Message):
    customer_match_terms_of_service_status: Literal["ACCEPTED"] = "ACCEPTED"


class RemoveRequest(_Message):
    destinations: tuple[GoogleDestination, ...] = Field(min_length=1, max_length=1)
    audience_members: tuple[AudienceMember, ...] = Field(min_length=1, max_length=MOST_ROWS)
    encoding: Literal["HEX"] = "HEX"
    validate_only: bool = False

    def to_json(self, *, indent: int | None = None) -> str:
        return self.model_dump_json(by_alias=True, exclude_none=True, indent=indent)


class IngestRequest(RemoveRequest):
    consent: Consent
    terms_of_service: TermsOfService
