SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.access_request (
    id integer NOT NULL,
    user_id integer NOT NULL,
    state character varying(255) NOT NULL,
    name text NOT NULL,
    organisation text NOT NULL,
    role text NOT NULL,
    evidence text NOT NULL,
    purpose text NOT NULL,
    scope text NOT NULL,
    lasts_days integer NOT NULL,
    made_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    finding text NOT NULL,
    reason text NOT NULL,
    grant_id integer
);
CREATE SEQUENCE public.access_request_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.access_request_id_seq OWNED BY public.access_request.id;
CREATE TABLE public.application (
    id integer NOT NULL,
    client_id character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    key character varying(255) NOT NULL,
    redirects text NOT NULL,
    secret bytea,
    added_s bigint NOT NULL,
    ended_s bigint
);
CREATE SEQUENCE public.application_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.application_id_seq OWNED BY public.application.id;
CREATE TABLE public.audit (
    id bigint NOT NULL,
    at_ms bigint NOT NULL,
    actor_kind character varying(255) NOT NULL,
    actor_id bigint NOT NULL,
    what character varying(255) NOT NULL,
    subject character varying(255) NOT NULL,
    fields text NOT NULL,
    digest bytea NOT NULL
);
CREATE TABLE public.block (
    sensor_id bigint NOT NULL,
    epoch bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    level smallint NOT NULL,
    first_s bigint NOT NULL,
    last_s bigint NOT NULL,
    mask bigint NOT NULL,
    readings integer NOT NULL,
    undated integer NOT NULL,
    dated smallint NOT NULL,
    cut smallint NOT NULL,
    stored_ms bigint NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE public.bringer (
    sensor_id bigint NOT NULL,
    relay_id bigint NOT NULL
);
CREATE TABLE public.consent (
    id integer NOT NULL,
    user_id integer NOT NULL,
    application_id integer NOT NULL,
    scope text NOT NULL,
    given_s bigint NOT NULL,
    expires_s bigint NOT NULL,
    digest bytea NOT NULL,
    redirect text NOT NULL,
    challenge text NOT NULL,
    code_until_s bigint NOT NULL,
    taken_s bigint,
    ended_s bigint
);
CREATE SEQUENCE public.consent_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.consent_id_seq OWNED BY public.consent.id;
CREATE TABLE public.contract (
    id integer NOT NULL,
    sensor_id bigint NOT NULL,
    user_id integer,
    from_s bigint NOT NULL,
    until_s bigint
);
CREATE SEQUENCE public.contract_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.contract_id_seq OWNED BY public.contract.id;
CREATE TABLE public.day_rollup (
    sensor_id bigint NOT NULL,
    day integer NOT NULL,
    mask bigint NOT NULL,
    cut bigint NOT NULL,
    stats bytea NOT NULL
);
CREATE TABLE public.enrol_code (
    digest bytea NOT NULL,
    name text NOT NULL,
    expires_s bigint NOT NULL,
    used_s bigint,
    nonce text,
    relay_id bigint
);
CREATE TABLE public.given_classes (
    user_id bigint NOT NULL,
    code smallint NOT NULL,
    day integer NOT NULL,
    classes bytea NOT NULL
);
CREATE TABLE public.given_sum (
    user_id bigint NOT NULL,
    code smallint NOT NULL,
    day integer NOT NULL,
    region text NOT NULL,
    category text NOT NULL,
    sensors integer NOT NULL,
    wh bigint NOT NULL
);
CREATE TABLE public."grant" (
    id integer NOT NULL,
    user_id integer NOT NULL,
    region text COLLATE pg_catalog."C",
    category text,
    labels text,
    sensors text,
    quantities bigint NOT NULL,
    resolution smallint NOT NULL,
    k integer NOT NULL,
    first_s bigint,
    until_s bigint,
    export smallint NOT NULL,
    live smallint NOT NULL,
    granted_s bigint NOT NULL,
    starts_s bigint,
    expires_s bigint,
    revoked_s bigint
);
CREATE SEQUENCE public.grant_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.grant_id_seq OWNED BY public."grant".id;
CREATE TABLE public.group_bar (
    group_id integer NOT NULL,
    term bigint NOT NULL,
    relay_id bigint NOT NULL,
    period integer NOT NULL,
    run bigint NOT NULL,
    readings bigint NOT NULL
);
CREATE TABLE public.group_member (
    relay_id bigint NOT NULL,
    group_id integer NOT NULL,
    joined_ms bigint NOT NULL,
    beaten_ms bigint NOT NULL,
    late_ms bigint NOT NULL,
    url text NOT NULL,
    term bigint NOT NULL,
    periods integer NOT NULL,
    lost text NOT NULL
);
CREATE TABLE public.group_term (
    group_id integer NOT NULL,
    number bigint NOT NULL,
    round bigint NOT NULL,
    proxy bigint NOT NULL,
    why text NOT NULL,
    period_s integer NOT NULL,
    began_ms bigint NOT NULL,
    forwards integer NOT NULL,
    forwarded_ms bigint NOT NULL,
    ended_ms bigint,
    reason text NOT NULL,
    periods integer NOT NULL,
    ballot text NOT NULL
);
CREATE TABLE public.holding (
    sensor_id bigint NOT NULL,
    relay_id bigint NOT NULL,
    epoch bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    first_s bigint NOT NULL,
    step_s bigint NOT NULL
);
CREATE TABLE public.hour_rollup (
    sensor_id bigint NOT NULL,
    day integer NOT NULL,
    stats bytea NOT NULL
);
CREATE TABLE public.identity (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id integer NOT NULL,
    claims text NOT NULL,
    claims_s bigint
);
CREATE TABLE public.import (
    id integer NOT NULL,
    sensor_id bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    first_s bigint NOT NULL,
    last_s bigint NOT NULL,
    mask bigint NOT NULL,
    readings integer NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    user_id integer,
    imported_ms bigint NOT NULL,
    taken_back_ms bigint
);
CREATE SEQUENCE public.import_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.import_id_seq OWNED BY public.import.id;
CREATE TABLE public.interest (
    sensor_id bigint NOT NULL,
    user_id bigint NOT NULL,
    until_ms bigint NOT NULL
);
CREATE TABLE public.label (
    sensor_id bigint NOT NULL,
    label text NOT NULL
);
CREATE TABLE public.look (
    contract_id integer NOT NULL,
    row_id bigint NOT NULL
);
CREATE TABLE public.loose (
    sensor_id bigint NOT NULL,
    day integer NOT NULL
);
CREATE TABLE public.meta (
    key character varying(255) NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.notice (
    id integer NOT NULL,
    user_id integer NOT NULL,
    at_ms bigint NOT NULL,
    told text NOT NULL,
    read_ms bigint,
    mail_ms bigint,
    tries integer NOT NULL
);
CREATE SEQUENCE public.notice_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.notice_id_seq OWNED BY public.notice.id;
CREATE TABLE public.order_content (
    id integer NOT NULL,
    wrapped bytea NOT NULL
);
CREATE SEQUENCE public.order_content_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.order_content_id_seq OWNED BY public.order_content.id;
CREATE TABLE public.orders (
    sensor_id bigint NOT NULL,
    version bigint NOT NULL,
    kind smallint NOT NULL,
    state character varying(255) NOT NULL,
    size integer NOT NULL,
    content integer NOT NULL,
    created_s bigint NOT NULL
);
CREATE TABLE public.organisation (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    key character varying(255) NOT NULL,
    added_s bigint NOT NULL
);
CREATE SEQUENCE public.organisation_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.organisation_id_seq OWNED BY public.organisation.id;
CREATE TABLE public.pull (
    id bigint NOT NULL,
    relay_id bigint NOT NULL,
    digest bytea NOT NULL,
    body bytea NOT NULL,
    state character varying(255) NOT NULL,
    frames integer NOT NULL,
    created_ms bigint NOT NULL,
    party character varying(255) NOT NULL
);
CREATE TABLE public.quarantine (
    id integer NOT NULL,
    digest bytea NOT NULL,
    reason character varying(255) NOT NULL,
    relay_id bigint NOT NULL,
    sensor_id bigint NOT NULL,
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    frame bytea NOT NULL,
    stored_ms bigint NOT NULL
);
CREATE SEQUENCE public.quarantine_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.quarantine_id_seq OWNED BY public.quarantine.id;
CREATE TABLE public.recovery (
    user_id integer NOT NULL,
    digest bytea NOT NULL
);
CREATE TABLE public.relay (
    id bigint NOT NULL,
    name text NOT NULL,
    wrapped_secret bytea NOT NULL,
    enrolled_s bigint NOT NULL
);
CREATE TABLE public.relay_group (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    after_s integer,
    after_forwards integer,
    period_s integer NOT NULL,
    made_ms bigint NOT NULL
);
CREATE TABLE public.relay_state (
    relay_id bigint NOT NULL,
    listing bigint NOT NULL,
    known_to bigint NOT NULL,
    heartbeat_ms bigint NOT NULL,
    pull_url text NOT NULL,
    report text NOT NULL,
    runs bigint NOT NULL,
    data bigint NOT NULL,
    sure bigint NOT NULL,
    doubted smallint NOT NULL
);
CREATE TABLE public.role (
    user_id integer NOT NULL,
    kind character varying(255) NOT NULL,
    region text NOT NULL
);
CREATE TABLE public.route (
    sensor_id bigint NOT NULL,
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    item integer NOT NULL,
    time_s bigint NOT NULL,
    relay_id bigint NOT NULL,
    rtt_us bigint NOT NULL
);
CREATE TABLE public.sensor (
    id bigint NOT NULL,
    name text NOT NULL,
    region text NOT NULL COLLATE pg_catalog."C",
    category text NOT NULL,
    key_id smallint NOT NULL,
    wrapped_root bytea NOT NULL,
    enrolled_s bigint NOT NULL,
    seen_mask bigint NOT NULL,
    levels bigint NOT NULL
);
CREATE TABLE public.sensor_key (
    sensor_id bigint NOT NULL,
    key_id smallint NOT NULL,
    number integer NOT NULL,
    wrapped bytea NOT NULL
);
CREATE TABLE public.session (
    id integer NOT NULL,
    user_id integer NOT NULL,
    digest bytea NOT NULL,
    begun_s bigint NOT NULL,
    seen_s bigint NOT NULL,
    address character varying(255) NOT NULL,
    agent character varying(255) NOT NULL
);
CREATE SEQUENCE public.session_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.session_id_seq OWNED BY public.session.id;
CREATE TABLE public.set_aside (
    relay_id bigint NOT NULL,
    sensor_id bigint NOT NULL,
    reason character varying(255) NOT NULL,
    kept integer NOT NULL,
    more bigint NOT NULL,
    digest bytea NOT NULL,
    last_ms bigint NOT NULL
);
CREATE TABLE public.stale (
    sensor_id bigint NOT NULL,
    day integer NOT NULL
);
CREATE TABLE public.state (
    sensor_id bigint NOT NULL,
    code smallint NOT NULL,
    value bigint NOT NULL,
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    item integer NOT NULL,
    time_s bigint NOT NULL
);
CREATE TABLE public.token (
    id integer NOT NULL,
    user_id integer NOT NULL,
    consent_id integer,
    name text NOT NULL,
    kind character varying(255) NOT NULL,
    digest bytea NOT NULL,
    scope text NOT NULL,
    begun_s bigint NOT NULL,
    expires_s bigint NOT NULL,
    used_s bigint
);
CREATE SEQUENCE public.token_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.token_id_seq OWNED BY public.token.id;
CREATE TABLE public.totp (
    user_id integer NOT NULL,
    wrapped bytea NOT NULL,
    step bigint NOT NULL,
    since_s bigint
);
CREATE TABLE public.tries (
    digest bytea NOT NULL,
    count integer NOT NULL,
    until_ms bigint NOT NULL
);
CREATE TABLE public."user" (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    key character varying(255) NOT NULL,
    password_hash text,
    must_change boolean NOT NULL,
    one_time_until_s bigint,
    added_s bigint NOT NULL,
    organisation_id integer,
    email character varying(255)
);
CREATE SEQUENCE public.user_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.user_id_seq OWNED BY public."user".id;
ALTER TABLE ONLY public.access_request ALTER COLUMN id SET DEFAULT nextval('public.access_request_id_seq'::regclass);
ALTER TABLE ONLY public.application ALTER COLUMN id SET DEFAULT nextval('public.application_id_seq'::regclass);
ALTER TABLE ONLY public.consent ALTER COLUMN id SET DEFAULT nextval('public.consent_id_seq'::regclass);
ALTER TABLE ONLY public.contract ALTER COLUMN id SET DEFAULT nextval('public.contract_id_seq'::regclass);
ALTER TABLE ONLY public."grant" ALTER COLUMN id SET DEFAULT nextval('public.grant_id_seq'::regclass);
ALTER TABLE ONLY public.import ALTER COLUMN id SET DEFAULT nextval('public.import_id_seq'::regclass);
ALTER TABLE ONLY public.notice ALTER COLUMN id SET DEFAULT nextval('public.notice_id_seq'::regclass);
ALTER TABLE ONLY public.order_content ALTER COLUMN id SET DEFAULT nextval('public.order_content_id_seq'::regclass);
ALTER TABLE ONLY public.organisation ALTER COLUMN id SET DEFAULT nextval('public.organisation_id_seq'::regclass);
ALTER TABLE ONLY public.quarantine ALTER COLUMN id SET DEFAULT nextval('public.quarantine_id_seq'::regclass);
ALTER TABLE ONLY public.session ALTER COLUMN id SET DEFAULT nextval('public.session_id_seq'::regclass);
ALTER TABLE ONLY public.token ALTER COLUMN id SET DEFAULT nextval('public.token_id_seq'::regclass);
ALTER TABLE ONLY public."user" ALTER COLUMN id SET DEFAULT nextval('public.user_id_seq'::regclass);
INSERT INTO public.application VALUES (1, 'ifLLSrVhHZx2AZ_N', 'Solar planner', 'solar planner', '["https://solar.example/back"]', '\x984ca5162200734c592148f1820b71057f098573d138666b48663e4e30cd8d3a', 1700000000, NULL);
INSERT INTO public.audit VALUES (1, 1800000000000, 'operator', 0, 'orders.push_firmware', 'sensor 7', '{"bytes": 67, "version": 1}', '\xe4b417e597aa18d608c14f116d788a07bed347b8f689dd9bc974d6767d434e35');
INSERT INTO public.audit VALUES (2, 1800000000000, 'operator', 0, 'orders.push_firmware', 'sensor 9', '{"bytes": 67, "version": 1}', '\x5bb1e9a90490c16a222041eda4197dbcfd4b61c194e558769d1657acd7366c7f');
INSERT INTO public.audit VALUES (3, 1800000000000, 'operator', 0, 'orders.push_firmware', 'sensor 9', '{"bytes": 67, "version": 2}', '\x06478ac71f459bcb3fcfbae2d89eb9f875c484bdea2ed2fb69a145292b7203a2');
INSERT INTO public.audit VALUES (4, 1800000000000, 'operator', 0, 'orders.push_key', 'sensor 7', '{"key_id": 2, "version": 2}', '\xcde08185fef621cb5eeccbb7a3f45346561116bd458f9cec4029b7a15b6f7eeb');
INSERT INTO public.audit VALUES (5, 1800000000000, 'operator', 0, 'imports.take', 'sensor 7', '{"file": "own.csv", "first_s": 1699999100, "import": 1, "last_s": 1699999100, "quantities": ["1-0:1.8.0"], "readings": 1, "sha256": "2da2d2ad4923c1913523aa1b6c9c756e7ea270fa82d3497f6232ea88ebe021e5"}', '\x0bdb97c8eb81d725194603ba008b4adfcdc42d0e3212fe64faae4fdeb4dc291a');
INSERT INTO public.block VALUES (7, 1, 0, 0, -1, 0, 0, 5, 1, 1, 0, 0, 1800000000000, '\xa2e23dd70000010000000100000000505c18a30100000201030000000000050204');
INSERT INTO public.block VALUES (7, 1, 1, 1, 0, 1699999940, 1699999940, 4, 3, 2, 0, 0, 1800000000000, '\xe8cdd62c0000010000000100000000505c18a301000002030a00000000000406000288c39fd50c02');
INSERT INTO public.block VALUES (7, 1, 2, 42, 3, 1700000000, 1700020100, 5, 60, 0, 0, 0, 1800000000000, '\x5df525590000290000000100000000505c18a30100000202020202020202020202020202020202020202020202020202020202020202020202020202020202010101010101010101010101010101010101010101010101010101010101010101010101010101011404000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004000400040004003c0000f153653cf1536578f15365b4f15365f0f153652cf2536568f25365a4f25365e0f253651cf3536558f3536594f35365d0f353650cf4536548f4536584f45365c0f45365fcf4536538f5536574f55365b0f55365ecf5536528f6536564f65365a0f65365dcf6536518f7536554f7536590f75365ccf7536508f8536544f8536580f85365bcf85365f8f8536534f9536570f95365acf95365e8f9536524fa5365b8fc536505c8010005ca010205cc010405ce010605d0010805d2010a05d4010c05d6010005d8010205da010405dc010605de010805e0010a05e2010c05e4010005e6010205e8010405ea010605ec010805ee010a05f0010c05f2010005f4010205f6010405f8010605fa010805fc010a05fe010c0580020005820202058402040586020605880208058a020a058c020c058e020005900202059202040594020605960208019003880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02880e02');
INSERT INTO public.block VALUES (7, 1, 43, 43, 6, 1700090000, 1703546000, 4, 2, 0, 0, 0, 1800000000000, '\x9c333b1f0000010000000100000000505c18a30100000202070090505565041280f0a50302');
INSERT INTO public.block VALUES (7, 2, 0, 1, 0, 1700100000, 1700100060, 7696581394436, 2, 0, 0, 0, 1800000000000, '\xb1f5d71b0000020000000100000000505c18a3010000020201010b000200a0775565dc7755658080808080e001028827000416');
INSERT INTO public.block VALUES (8, 1, 0, 0, 0, 1700000005, 1700000005, 4, 1, 0, 0, 0, 1800000000000, '\x29bb10970000010000000100000000505c18a30100000201040005f1536504e0c508');
INSERT INTO public.block VALUES (8, 1, 4, 4, 0, 1700000065, 1700000065, 4, 1, 0, 0, 0, 1800000000000, '\x93d5f0150000010000000100000000505c18a30100000201040041f1536504dfc508');
INSERT INTO public.block VALUES (7, 0, 0, 0, 0, 1699999100, 1699999100, 1, 1, 0, 0, 0, 1800000000000, '\x325deb7b0000010000000000000000505c18a3010000020103007ced536501b401');
INSERT INTO public.bringer VALUES (7, 1);
INSERT INTO public.bringer VALUES (8, 1);
INSERT INTO public.consent VALUES (1, 1, 1, '{"sensors": [7]}', 1700000000, 1700086400, '\x3749cb48ee6e8dd6738012fc45cdabda219ccc1a1c46b6525d0f2072a65d90e4', 'https://solar.example/back', 'x', 1700000060, NULL, NULL);
INSERT INTO public.contract VALUES (1, 7, 1, 1700000000, 1700005000);
INSERT INTO public.contract VALUES (2, 7, NULL, 1700005000, NULL);
INSERT INTO public.enrol_code VALUES ('\xb6d672a2dfeca60e940b84d27abcf1d9b2c6e32cb53a11d460e04b149f8c116d', 'Relay 3', 1800000060, 1800000000, 'abababababababababababababababab', 3);
INSERT INTO public.enrol_code VALUES ('\xfe8f58d26dfa1e2ff6357d3ffffc966bc17dc951180b7cae792c9f67303c5aa1', 'Relay 4', 1800000060, NULL, NULL, NULL);
INSERT INTO public."grant" VALUES (1, 1, 'north', NULL, NULL, NULL, 4, 0, 1, NULL, NULL, 1, 1, 1795935314, NULL, NULL, NULL);
INSERT INTO public."grant" VALUES (2, 2, NULL, NULL, NULL, '[7]', 1099511627775, 0, 1, NULL, NULL, 1, 1, 1795935314, NULL, 1700000009, 1795935314);
INSERT INTO public.group_bar VALUES (1, 1, 1, 0, 1, 5);
INSERT INTO public.group_bar VALUES (1, 1, 1, 1, 1, 1);
INSERT INTO public.group_bar VALUES (1, 1, 2, 0, 1, 5);
INSERT INTO public.group_bar VALUES (1, 1, 2, 1, 1, 2);
INSERT INTO public.group_member VALUES (1, 1, 1800000000000, 1800000002000, 7000, 'http://192.0.2.1:4691', 1, 2, '');
INSERT INTO public.group_member VALUES (2, 1, 1800000000000, 1800000002000, 7000, 'http://192.0.2.2:4691', 1, 2, '');
INSERT INTO public.group_term VALUES (1, 1, 1, 1, '{"code": "chosen-first"}', 10, 1800000000000, 0, 0, 1800000003000, '{"code": "ended-by-hand"}', 2, '[[1, "served", null], [2, "chosen", 7.0]]');
INSERT INTO public.group_term VALUES (1, 2, 1, 2, '{"code": "chosen-left", "readings": 7}', 10, 1800000003000, 0, 0, NULL, '', 0, '[]');
INSERT INTO public.holding VALUES (9, 2, 1, 0, 19, 1700000000, 60);
INSERT INTO public.holding VALUES (9, 2, 1, 25, 27, 1700001500, 60);
INSERT INTO public.import VALUES (1, 7, 0, 0, 1699999100, 1699999100, 1, 1, '\x2da2d2ad4923c1913523aa1b6c9c756e7ea270fa82d3497f6232ea88ebe021e5', 'own.csv', NULL, 1800000000000, NULL);
INSERT INTO public.interest VALUES (7, 1, 1800000020000);
INSERT INTO public.label VALUES (7, 'heat pump');
INSERT INTO public.label VALUES (7, 'pilot');
INSERT INTO public.loose VALUES (7, 19676);
INSERT INTO public.loose VALUES (7, 19677);
INSERT INTO public.loose VALUES (7, 19678);
INSERT INTO public.loose VALUES (7, 19717);
INSERT INTO public.loose VALUES (8, 19676);
INSERT INTO public.meta VALUES ('schema_version', '25');
INSERT INTO public.meta VALUES ('key_check', '6ac58fedf326a5a48d51bf07e6d08bbd');
INSERT INTO public.meta VALUES ('rollup_zone', 'UTC');
INSERT INTO public.meta VALUES ('groups_made', '1');
INSERT INTO public.meta VALUES ('orders_version', '1795935314641');
INSERT INTO public.meta VALUES ('keys_version', '1795935314642');
INSERT INTO public.meta VALUES ('audit_head', '5 0bdb97c8eb81d725194603ba008b4adfcdc42d0e3212fe64faae4fdeb4dc291a');
INSERT INTO public.order_content VALUES (1, '\x75d4e956053b64a008b123a487fcbb3f0d214ae085137825a1edd5eb158484b8f2ac75491e7951e654bfd2012035b9d89ef47ec1a7af210b42f959f00b5305a001a43c4175d5510b0d3be4d0f0076ed86004f5');
INSERT INTO public.order_content VALUES (2, '\x7a7159a37018f768d01d89ee9ab6b20c2cd895d0c9b94b2976f74e6bc45d9d3ad93b86040720640bffb0122f7f382e5d57e78f567d1e85b4be11f762b5e8e89cbdf95d8f52f9a80444ea30d0a6272126de209a');
INSERT INTO public.order_content VALUES (3, '\x3b3a09d973f45df5aa9d90a6301ca0a80342b284158a7be45cb937b58432f3b0dc8642d26816ddf12da610fff1b5a3791c');
INSERT INTO public.orders VALUES (7, 1, 2, 'waiting', 67, 1, 1800000000);
INSERT INTO public.orders VALUES (9, 1, 2, 'replaced', 67, 1, 1800000000);
INSERT INTO public.orders VALUES (9, 2, 2, 'waiting', 67, 2, 1800000000);
INSERT INTO public.orders VALUES (7, 2, 3, 'waiting', 33, 3, 1800000000);
INSERT INTO public.organisation VALUES (1, 'Office', 'office', 1800000000);
INSERT INTO public.pull VALUES (1, 2, '\x01', '\x02', 'expired', 0, 5, '');
INSERT INTO public.quarantine VALUES (1, '\xfb5d64d8a07e08b63c3458a5d686f934652e41352c85e2dea59bf7918909cbd8', 'unknown sensor', 1, 99, 1, 0, '\x100001010000006300000001000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', 1800000000000);
INSERT INTO public.recovery VALUES (1, '\xa01c8f271d26240ef34108bcf3b9a93105e92a77dba344a673cfb9876159eb2d');
INSERT INTO public.recovery VALUES (1, '\x2600fa1c7a03eff73a694def189ad2083a4c3eab4018b30c11345d737809db58');
INSERT INTO public.recovery VALUES (1, '\x6fefebcb0d2df9774a74a8fffac74e87f08935fdec3f8f3ebaa977540c852149');
INSERT INTO public.recovery VALUES (1, '\x3814094fa0787d8ae94ec4a65e4b514065bcc3725bfb43111138e863e95cc346');
INSERT INTO public.recovery VALUES (1, '\xcbd69e89bb1bbca891572adca590101c5c853a36b1f2b8276d6c918ccc8585f5');
INSERT INTO public.recovery VALUES (1, '\x3f8cbe676b664939af85dd923f6d2d865fa2f8dda3294fdc54d52433b31c7600');
INSERT INTO public.recovery VALUES (1, '\xb175a1b139e9da07db44de4b68130d0b03144b95268e5f7f64733a83c4535512');
INSERT INTO public.recovery VALUES (1, '\x11c09357df94d747d8c4d80257e1cec58b554fdb0517999479864f01c4ed7539');
INSERT INTO public.recovery VALUES (1, '\xcc51de26f0a55a1ed1cb2e6c6e6a57a6e11540f719ee6ffa78cd3c2d441eca13');
INSERT INTO public.recovery VALUES (1, '\xa9a461c58fb96495c9f3457d2b0670570dab927d81b385ed23ca40a9925953dd');
INSERT INTO public.relay VALUES (1, 'Relay 1', '\xbf6951ad1bf6d9e249b062dadf56b9072981189885c701f9d483b85b95a89b438c8f496c4a278b740737667aa8e3c3d8', 1795935314);
INSERT INTO public.relay VALUES (2, 'Relay 2', '\x9cef9a4d6b20ead8a15d1426fe93f03812d8454a738ccfefcbae503dfa62dc8dc76de53f6848217e8566618656c861cd', 1795935314);
INSERT INTO public.relay VALUES (3, 'Relay 3', '\x686acfb8f1964027462698af378114824f0b0653570a590ca579055ca7e007b83e8a767173d7fa45111dc5a595677863', 1800000000);
INSERT INTO public.relay_group VALUES (1, 'north', 60, 3, 10, 1800000000000);
INSERT INTO public.relay_state VALUES (1, 0, 0, 1800000002000, '', '{"every_s": 2.0, "pull_url": "", "group_url": "http://192.0.2.1:4691"}', 0, 0, 0, 0);
INSERT INTO public.relay_state VALUES (2, 5, 30, 1800000002000, '', '{"every_s": 2.0, "pull_url": "", "group_url": "http://192.0.2.2:4691"}', 2, 23, 23, 0);
INSERT INTO public.role VALUES (2, 'operator', '');
INSERT INTO public.role VALUES (2, 'administrator', 'north');
INSERT INTO public.route VALUES (7, 2, 0, 0, 1700100000, 1, 2500);
INSERT INTO public.sensor VALUES (9, 'Sensor 9', 'north/city-9', 'residential', 1, '\x6b8a9e9ec635e43710420a33a42b717a56cedb7071e89c4e08c8b241ef8c3aba839ad7f138e09c8f4fe0eec18c051afc', 1795935314, 0, 0);
INSERT INTO public.sensor VALUES (7, 'Sensor 7', 'north/city-7', 'residential', 1, '\x7431c968f03a2eb7e1f79422f4e1a11af3baf314d3ae0a2d45cc893aedd98c9fb9bc168b8b3b22a30c69124742113bd7', 1795935314, 7696581394437, 73);
INSERT INTO public.sensor VALUES (8, 'Sensor 8', 'north/city-8', 'residential', 1, '\x1faf8c3d34f5f196406cdc15c5886aef6889854adfb110f33f622dff3a6f6196de2a2d78acf1f65dce3117f9036b7662', 1795935314, 4, 1);
INSERT INTO public.sensor_key VALUES (8, 1, 1, '\xb71c3f64b9c5e013b27b9bc060388bfd37f87649e958c104155d1ec5f1c2293bb2cff2a2f6f0f958b85059f6995f50d3');
INSERT INTO public.sensor_key VALUES (8, 1, 2, '\x0f95aa8752e2f82b4d70cd316d22a24f9400ab75dda5ebbbbfc8496c437964183e2e4f44a9cd371ed56f9135dbaf6986');
INSERT INTO public.sensor_key VALUES (7, 2, 0, '\x80a493a498215e890ce15b8fc984eba66da77dcd51bef3834c1f28b125b06143daaab985b71cf7c2f6ee60b1b6a3d54a');
INSERT INTO public.session VALUES (1, 1, '\x75d9740d7107b49648813f82b4e926a5c192b64b1f42853eb6c1f016268db194', 1700000000, 1700000000, '192.0.2.7', 'a browser');
INSERT INTO public.set_aside VALUES (1, 0, 'unknown sensor', 1, 0, '\x', 1800000000000);
INSERT INTO public.stale VALUES (7, 19676);
INSERT INTO public.stale VALUES (7, 19677);
INSERT INTO public.stale VALUES (7, 19678);
INSERT INTO public.stale VALUES (7, 19717);
INSERT INTO public.stale VALUES (8, 19676);
INSERT INTO public.state VALUES (7, 40, 1, 2, 0, 0, 1700100000);
INSERT INTO public.state VALUES (7, 41, 2500, 2, 0, 0, 1700100000);
INSERT INTO public.state VALUES (7, 42, 0, 2, 0, 0, 1700100000);
INSERT INTO public.token VALUES (1, 1, NULL, 'a report', 'own', '\xf53ee251d2acb07f4be4c9c64924156276ec4933e9c9058a93f10c99dfdfa9a2', '{"resolution": "day"}', 1700000000, 1700086400, NULL);
INSERT INTO public.totp VALUES (1, '\x632b8e027a71e26b8609b0c7158070df8326228ccbe38e15dd6451e5f4ed0985f193bef0', 5, 1700000000);
INSERT INTO public.tries VALUES ('\xa07c029d659bf04be95afd1865c80d381c73aa6dcd8d110db2c4da6beeab08ae', 1, 1800000060000);
INSERT INTO public."user" VALUES (2, 'Grace', 'grace', '$argon2id$v=19$m=65536,t=3,p=4$mrZXzQ28SWoNrroDrg12xA$gk+k5ES8R+5l/3X4/4olrGMHENIQLeANoq54KWwy/n0', true, 1800086400, 1800000000, NULL, NULL);
INSERT INTO public."user" VALUES (1, 'Ada', 'ada', '$argon2id$v=19$m=65536,t=3,p=4$mahaMDJ/QlY48jJ8+P5uGQ$T9xWCw5PA/7wUmccr8Ys7SgeT3ktv4JlJ2OSmHyPGMo', true, 1800086400, 1800000000, 1, NULL);
SELECT pg_catalog.setval('public.access_request_id_seq', 1, false);
SELECT pg_catalog.setval('public.application_id_seq', 1, true);
SELECT pg_catalog.setval('public.consent_id_seq', 1, true);
SELECT pg_catalog.setval('public.contract_id_seq', 2, true);
SELECT pg_catalog.setval('public.grant_id_seq', 2, true);
SELECT pg_catalog.setval('public.import_id_seq', 1, true);
SELECT pg_catalog.setval('public.notice_id_seq', 1, false);
SELECT pg_catalog.setval('public.order_content_id_seq', 3, true);
SELECT pg_catalog.setval('public.organisation_id_seq', 1, true);
SELECT pg_catalog.setval('public.quarantine_id_seq', 1, true);
SELECT pg_catalog.setval('public.session_id_seq', 1, true);
SELECT pg_catalog.setval('public.token_id_seq', 1, true);
SELECT pg_catalog.setval('public.user_id_seq', 2, true);
ALTER TABLE ONLY public.access_request
    ADD CONSTRAINT access_request_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.block
    ADD CONSTRAINT block_pkey PRIMARY KEY (sensor_id, epoch, first_seq);
ALTER TABLE ONLY public.bringer
    ADD CONSTRAINT bringer_pkey PRIMARY KEY (sensor_id, relay_id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.contract
    ADD CONSTRAINT contract_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.day_rollup
    ADD CONSTRAINT day_rollup_pkey PRIMARY KEY (sensor_id, day);
ALTER TABLE ONLY public.enrol_code
    ADD CONSTRAINT enrol_code_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.given_classes
    ADD CONSTRAINT given_classes_pkey PRIMARY KEY (user_id, code, day);
ALTER TABLE ONLY public.given_sum
    ADD CONSTRAINT given_sum_pkey PRIMARY KEY (user_id, code, day, region, category);
ALTER TABLE ONLY public."grant"
    ADD CONSTRAINT grant_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.group_bar
    ADD CONSTRAINT group_bar_pkey PRIMARY KEY (group_id, term, relay_id, period, run);
ALTER TABLE ONLY public.group_member
    ADD CONSTRAINT group_member_pkey PRIMARY KEY (relay_id);
ALTER TABLE ONLY public.group_term
    ADD CONSTRAINT group_term_pkey PRIMARY KEY (group_id, number);
ALTER TABLE ONLY public.holding
    ADD CONSTRAINT holding_pkey PRIMARY KEY (sensor_id, relay_id, epoch, first_seq);
ALTER TABLE ONLY public.hour_rollup
    ADD CONSTRAINT hour_rollup_pkey PRIMARY KEY (sensor_id, day);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_pkey PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.import
    ADD CONSTRAINT import_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.interest
    ADD CONSTRAINT interest_pkey PRIMARY KEY (sensor_id, user_id);
ALTER TABLE ONLY public.label
    ADD CONSTRAINT label_pkey PRIMARY KEY (sensor_id, label);
ALTER TABLE ONLY public.look
    ADD CONSTRAINT look_pkey PRIMARY KEY (contract_id, row_id);
ALTER TABLE ONLY public.loose
    ADD CONSTRAINT loose_pkey PRIMARY KEY (sensor_id, day);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.order_content
    ADD CONSTRAINT order_content_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (sensor_id, version);
ALTER TABLE ONLY public.organisation
    ADD CONSTRAINT organisation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.pull
    ADD CONSTRAINT pull_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.recovery
    ADD CONSTRAINT recovery_pkey PRIMARY KEY (user_id, digest);
ALTER TABLE ONLY public.relay_group
    ADD CONSTRAINT relay_group_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.relay
    ADD CONSTRAINT relay_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.relay_state
    ADD CONSTRAINT relay_state_pkey PRIMARY KEY (relay_id);
ALTER TABLE ONLY public.role
    ADD CONSTRAINT role_pkey PRIMARY KEY (user_id, kind, region);
ALTER TABLE ONLY public.route
    ADD CONSTRAINT route_pkey PRIMARY KEY (sensor_id, epoch, seq, item);
ALTER TABLE ONLY public.sensor_key
    ADD CONSTRAINT sensor_key_pkey PRIMARY KEY (sensor_id, key_id, number);
ALTER TABLE ONLY public.sensor
    ADD CONSTRAINT sensor_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.set_aside
    ADD CONSTRAINT set_aside_pkey PRIMARY KEY (relay_id, sensor_id, reason);
ALTER TABLE ONLY public.stale
    ADD CONSTRAINT stale_pkey PRIMARY KEY (sensor_id, day);
ALTER TABLE ONLY public.state
    ADD CONSTRAINT state_pkey PRIMARY KEY (sensor_id, code);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.totp
    ADD CONSTRAINT totp_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY public.tries
    ADD CONSTRAINT tries_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public."user"
    ADD CONSTRAINT user_pkey PRIMARY KEY (id);
CREATE INDEX accessrequest_grant_id ON public.access_request USING btree (grant_id);
CREATE INDEX accessrequest_state_id ON public.access_request USING btree (state, id);
CREATE INDEX accessrequest_user_id ON public.access_request USING btree (user_id);
CREATE UNIQUE INDEX application_client_id ON public.application USING btree (client_id);
CREATE INDEX audit_subject_id ON public.audit USING btree (subject, id);
CREATE INDEX block_sensor_id_level_first_s_epoch_first_seq_last_seq_last_s ON public.block USING btree (sensor_id, level, first_s, epoch, first_seq, last_seq, last_s);
CREATE INDEX block_undated ON public.block USING btree (sensor_id, epoch, first_seq) WHERE ((undated > 0) OR (dated > 0));
CREATE INDEX consent_application_id ON public.consent USING btree (application_id);
CREATE UNIQUE INDEX consent_digest ON public.consent USING btree (digest);
CREATE INDEX consent_user_id ON public.consent USING btree (user_id);
CREATE INDEX contract_sensor_id ON public.contract USING btree (sensor_id);
CREATE INDEX contract_user_id ON public.contract USING btree (user_id);
CREATE INDEX givensum_region_day ON public.given_sum USING btree (region, day);
CREATE INDEX grant_user_id ON public."grant" USING btree (user_id);
CREATE UNIQUE INDEX group_name ON public.relay_group USING btree (name);
CREATE INDEX holding_relay_id ON public.holding USING btree (relay_id);
CREATE INDEX identity_user_id ON public.identity USING btree (user_id);
CREATE INDEX import_sensor_id ON public.import USING btree (sensor_id);
CREATE INDEX import_user_id ON public.import USING btree (user_id);
CREATE INDEX label_label ON public.label USING btree (label);
CREATE INDEX member_group_id ON public.group_member USING btree (group_id);
CREATE INDEX notice_mail_ms ON public.notice USING btree (mail_ms);
CREATE INDEX notice_user_id ON public.notice USING btree (user_id);
CREATE INDEX order_state ON public.orders USING btree (state);
CREATE UNIQUE INDEX organisation_key ON public.organisation USING btree (key);
CREATE UNIQUE INDEX organisation_name ON public.organisation USING btree (name);
CREATE INDEX pullrequest_relay_id_state ON public.pull USING btree (relay_id, state);
CREATE INDEX quarantine_datum ON public.quarantine USING btree (sensor_id, epoch, seq);
CREATE UNIQUE INDEX quarantine_digest ON public.quarantine USING btree (digest);
CREATE INDEX quarantine_sender ON public.quarantine USING btree (relay_id, sensor_id, reason);
CREATE INDEX sensor_category ON public.sensor USING btree (category);
CREATE INDEX sensor_region ON public.sensor USING btree (region);
CREATE UNIQUE INDEX session_digest ON public.session USING btree (digest);
CREATE INDEX session_user_id ON public.session USING btree (user_id);
CREATE INDEX term_group_id_ended_ms ON public.group_term USING btree (group_id, ended_ms);
CREATE INDEX token_consent_id ON public.token USING btree (consent_id);
CREATE UNIQUE INDEX token_digest ON public.token USING btree (digest);
CREATE INDEX token_user_id ON public.token USING btree (user_id);
CREATE INDEX tries_until_ms ON public.tries USING btree (until_ms);
CREATE UNIQUE INDEX user_key ON public."user" USING btree (key);
CREATE UNIQUE INDEX user_name ON public."user" USING btree (name);
CREATE INDEX user_organisation_id ON public."user" USING btree (organisation_id);
ALTER TABLE ONLY public.access_request
    ADD CONSTRAINT access_request_grant_id_fkey FOREIGN KEY (grant_id) REFERENCES public."grant"(id);
ALTER TABLE ONLY public.access_request
    ADD CONSTRAINT access_request_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.application(id);
ALTER TABLE ONLY public.consent
    ADD CONSTRAINT consent_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.contract
    ADD CONSTRAINT contract_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public."grant"
    ADD CONSTRAINT grant_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.identity
    ADD CONSTRAINT identity_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.import
    ADD CONSTRAINT import_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.recovery
    ADD CONSTRAINT recovery_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.role
    ADD CONSTRAINT role_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_consent_id_fkey FOREIGN KEY (consent_id) REFERENCES public.consent(id);
ALTER TABLE ONLY public.token
    ADD CONSTRAINT token_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public.totp
    ADD CONSTRAINT totp_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);
ALTER TABLE ONLY public."user"
    ADD CONSTRAINT user_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id);
