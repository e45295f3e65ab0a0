import { throughPgBouncer } from '../support/pooled/suite.ts';

// They ask for connections and transactions each in a way of its own.
throughPgBouncer('sequelize');
throughPgBouncer('typeorm');
