import { throughPgBouncer } from '../../support/pooled/suite.ts';

throughPgBouncer('pg');
